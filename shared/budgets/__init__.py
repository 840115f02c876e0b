"""What owners and assistants may use: tokens or money a day or month, runs at once, requests and tokens a minute."""
