// The API's description, with which every call can be tried. Who is signed in to the playground in this tab has the key here.

import { key } from "./api.js";
import { SwaggerUI } from "./vendor/swagger.js";

const ui = SwaggerUI({
  url: "/v1/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null, // nothing is sent anywhere else
  onComplete: () => key.get() !== null && ui.preauthorizeApiKey("bearer", key.get()),
});
