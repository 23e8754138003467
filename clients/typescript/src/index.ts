// A client of the API: openapi-fetch with the API's own types, and answers that are what they say or an error.

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths } from "./schema.js";
export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type ImpactInClient = Client<paths>;

/** What the API answered instead of what was asked for (RFC 9457). */
export class ImpactInError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | undefined,
  ) {
    super(problem?.detail ?? `HTTP ${status}`);
    this.name = "ImpactInError";
  }
}

/** A client of the API at `baseUrl`, such as https://impact.example.org. */
export function impactInClient(options: { baseUrl: string; token: string }): ImpactInClient {
  return createClient<paths>({
    baseUrl: options.baseUrl,
    headers: { Authorization: `Bearer ${options.token}` },
  });
}

/** The data of an answer. Throws `ImpactInError` for a problem. */
export function held<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.error !== undefined || answer.data === undefined) {
    throw new ImpactInError(answer.response.status, answer.error as Problem | undefined);
  }
  return answer.data;
}
