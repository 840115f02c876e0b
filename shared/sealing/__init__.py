"""Encrypts the secrets that requests bring, before anything is stored."""
