// The page at /v1/docs.
export { default as SwaggerUI } from "swagger-ui-dist/swagger-ui-es-bundle.js";
