// The interactive documentation: Swagger UI on this API's own document. Nothing is loaded from elsewhere, and
// a token that is typed in stays in this page.
window.SwaggerUIBundle({
  url: document.querySelector("#docs").dataset.document,
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
});
