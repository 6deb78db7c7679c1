import DOMPurify from "dompurify";
import { marked } from "marked";
import { memo } from "react";
import { visible } from "@/lib/visible";

const ALLOWED = ["p", "br", "strong", "em", "del", "code", "pre", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "h4", "table", "thead", "tbody", "tr", "th", "td", "hr", "a"];

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char] ?? char);
}

const renderer = new marked.Renderer();
renderer.html = ({ text }) => escape(text);
// A picture's address can carry data out: only its words are shown.
renderer.image = ({ text, href }) => `<code>[image: ${escape(text || href)}]</code>`;

// Only ways to pages of the web are links; everything else is shown as words.
renderer.link = function link({ href, tokens }) {
  const words = this.parser.parseInline(tokens);
  return /^https?:\/\//i.test(href) ? `<a href="${escape(href)}">${words}</a>` : `${words} <code>${escape(href)}</code>`;
};

export function toHtml(text: string, breaks = false): string {
  const made = marked.parse(visible(text), { renderer, async: false, gfm: true, breaks });
  return DOMPurify.sanitize(made, { ALLOWED_TAGS: ALLOWED, ALLOWED_ATTR: ["href", "rel", "target"], ALLOWED_URI_REGEXP: /^https?:/i });
}

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("rel", "noopener nofollow noreferrer");
    node.setAttribute("target", "_blank");
  }
  // A wide one scrolls, also by the keyboard.
  if (node.tagName === "PRE") node.setAttribute("tabindex", "0");
});

/** Words of an agent: markup is kept, everything that could act is not. */
export const Markdown = memo(function Markdown({ text, breaks = false }: { text: string; breaks?: boolean }) {
  return <div className="md" dangerouslySetInnerHTML={{ __html: toHtml(text, breaks) }} />;
});
