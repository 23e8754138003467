"""The REST API: routes, schemas, tokens, problem details. No rule of delivering lives here."""
