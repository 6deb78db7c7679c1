import { afterEach, expect, test } from "vitest";
import { type At, ConsoleLine, endWords, toBase64, toBytes } from "./consoles";

const usual = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = usual;
});

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (words: string) => new TextEncoder().encode(words);

/** A server of one console: takes a few bytes at a time, by position, and loses its first answer. */
class Server {
  typed = "";
  calls = 0;
  constructor(private readonly most: number, private readonly whole: string) {
    globalThis.fetch = async (given) => {
      const request = given as Request;
      const body = (await request.json()) as { position: number; data?: string };
      this.calls += 1;
      const answer = request.url.endsWith("/write") ? this.write(body.position, body.data ?? "") : this.read(body.position);
      if (this.calls === 1) throw new TypeError("lost");
      return Response.json(answer);
    };
  }

  private write(position: number, data: string) {
    if (position <= this.typed.length) this.typed += text(toBytes(data)).slice(this.typed.length - position).slice(0, this.most);
    return { position: this.typed.length, state: "open" };
  }

  private read(position: number) {
    const next = Math.min(position + this.most, this.whole.length);
    const ended = next === this.whole.length;
    return { data: toBase64(bytes(this.whole.slice(position, next))), position: next, state: ended ? "ended" : "open", exit_code: ended ? 0 : null, problem: null };
  }
}

test("bytes are carried as they are, however many", () => {
  const all = Uint8Array.from({ length: 20_000 }, (_, at) => at % 256);
  expect(toBytes(toBase64(all))).toEqual(all);
});

test("an end is told in words", () => {
  expect(endWords(0, null)).toBe("The shell has ended.");
  expect(endWords(7, null)).toBe("The shell has ended with status 7.");
  expect(endWords(null, "It was closed.")).toBe("It was closed.");
});

test("what is typed arrives once and whole, though answers are lost and little is taken at a time", async () => {
  const server = new Server(3, "");
  const seen: string[] = [];
  const line = new ConsoleLine("con_1", { onBytes: async () => undefined, onAt: ({ at }) => seen.push(at) });
  line.type(bytes("echo "));
  line.type(bytes("twice\n"));
  await expect.poll(() => server.typed, { timeout: 10_000 }).toBe("echo twice\n");
  expect(seen).toEqual(["lost"]);
  line.close();
});

test("what is said is shown once and whole, and then the end is told", async () => {
  new Server(4, "hello there");
  let shown = "";
  const ends: At[] = [];
  const line = new ConsoleLine("con_1", { onBytes: async (data) => { shown += text(data); }, onAt: (at) => ends.push(at) });
  await line.read();
  expect(shown).toBe("hello there");
  expect(ends.at(-1)).toEqual({ at: "ended", words: "The shell has ended." });
});

test("a console the server does not know any more has ended", async () => {
  globalThis.fetch = async () => Response.json({ code: "not_found", message: "no" }, { status: 404 });
  const ends: At[] = [];
  await new ConsoleLine("con_1", { onBytes: async () => undefined, onAt: (at) => ends.push(at) }).read();
  expect(ends.map(({ at }) => at)).toEqual(["ended"]);
});
