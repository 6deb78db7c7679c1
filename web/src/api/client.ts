import createClient, { type Middleware } from "openapi-fetch";
import { create } from "zustand";
import type { components, paths } from "./schema";

/** What the server says when it refuses, or what went wrong on the way to it. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** Set by the service worker (public/sw.js) on an answer of before: when the server gave it. */
export const KEPT_AT = "x-muster-kept-at";
export const useKeptAt = create<{ at: number | null }>(() => ({ at: null }));

const TOKEN = "muster.token";

export function token(): string | null {
  return sessionStorage.getItem(TOKEN) ?? localStorage.getItem(TOKEN);
}

export function setToken(value: string, keep: boolean): void {
  sessionStorage.removeItem(TOKEN);
  localStorage.removeItem(TOKEN);
  (keep ? localStorage : sessionStorage).setItem(TOKEN, value);
}

const authorised: Middleware = {
  onRequest({ request }) {
    const known = token();
    if (known) request.headers.set("authorization", `Bearer ${known}`);
    return request;
  },
  onResponse({ response }) {
    const kept = response.headers.get(KEPT_AT);
    if (kept !== null || response.ok) useKeptAt.setState({ at: kept === null ? null : Number(kept) });
  },
};

export const api = createClient<paths>({ baseUrl: "", fetch: (request: Request) => fetch(request) });
api.use(authorised);

type Outcome<T> = { data?: T; error?: unknown; response: Response };

/** The answer of a call, or an ApiProblem. */
export async function answer<T>(call: Promise<Outcome<T>>): Promise<T> {
  let outcome: Outcome<T>;
  try {
    outcome = await call;
  } catch (error) {
    throw new ApiProblem(0, "unreachable", "The server cannot be reached.", "", { cause: String(error) });
  }
  if (outcome.response.ok) return outcome.data as T;
  const body = (outcome.error ?? {}) as Partial<components["schemas"]["Error"]>;
  throw new ApiProblem(
    outcome.response.status,
    body.code ?? `http_${outcome.response.status}`,
    body.message ?? `The server answered ${outcome.response.status}.`,
    body.request_id ?? outcome.response.headers.get("x-request-id") ?? "",
    body.details,
  );
}
