/** xterm writes style elements, and style attributes of spans, which the policy of this server forbids (style-src 'self'). While it is
 * open, such elements put the same rules into constructed style sheets and into properties, which the policy allows. xterm takes some
 * of its elements from the window's document whatever document it is given, so that one is taught. Gives the way back. */
export function obeyPolicy(): () => void {
  const sheets: CSSStyleSheet[] = [];
  const drop = (sheet: CSSStyleSheet) => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
  };
  const usual = document.createElement.bind(document);
  const make = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name === "span") return withProperties(usual(name, options));
    if (name !== "style") return usual(name, options);
    const sheet = new CSSStyleSheet();
    sheets.push(sheet);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    return standIn(usual("span"), sheet, () => drop(sheet));
  };
  Object.defineProperty(document, "createElement", { value: make, configurable: true, writable: true });
  return () => {
    Object.defineProperty(document, "createElement", { value: usual, configurable: true, writable: true });
    sheets.forEach(drop);
  };
}

/** An element whose text becomes the rules of a sheet. */
function standIn(element: HTMLElement, sheet: CSSStyleSheet, gone: () => void): HTMLElement {
  element.hidden = true;
  Object.defineProperty(element, "textContent", { get: () => "", set: (rules: string) => sheet.replaceSync(rules) });
  element.remove = () => {
    gone();
    Element.prototype.remove.call(element);
  };
  return element;
}

/** An element that takes a style attribute as properties. */
function withProperties(element: HTMLElement): HTMLElement {
  element.setAttribute = (name: string, value: string) => {
    if (name === "style") element.style.cssText = value;
    else Element.prototype.setAttribute.call(element, name, value);
  };
  return element;
}
