"use strict";
// Elements made from values. Every text of a model, a file or a name passes through `visible` and becomes a text node:
// nothing is ever parsed as HTML.

const infogap = {};

{
  // C0 but tab and line feed, DEL and C1, invisible characters, line separators, direction overrides, tags.
  const CONTROL =
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

  function shown(character) {
    const code = character.codePointAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  }

  /** Show control characters and invisible ones as signs: ESC as \x1b, a right-to-left override as \u202e. */
  infogap.visible = (text) => String(text).replace(CONTROL, shown);

  /** Make an element: `el("a.quiet", {href: "#/"}, "text", child)`. Strings become text; null and false are left out. */
  infogap.el = (selector, attributes = {}, ...children) => {
    const [name, ...classes] = selector.split(".");
    const element = document.createElement(name);
    if (classes.length) element.className = classes.join(" ");
    for (const [key, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else element.setAttribute(key, value === true ? "" : infogap.visible(value));
    }
    infogap.fill(element, children);
    return element;
  };

  infogap.fill = (element, children) => {
    for (const child of children.flat(Infinity)) {
      if (child === null || child === undefined || child === false) continue;
      element.append(child instanceof Node ? child : infogap.visible(child));
    }
    return element;
  };

  const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

  /** Format a number: whole ones with separators, others with `digits` decimals; null as a dash. */
  infogap.number = (value, digits = 0) => {
    if (value === null || value === undefined) return "–";
    return digits ? value.toFixed(digits) : whole.format(value);
  };

  infogap.counted = (count, one, many = `${one}s`) => `${infogap.number(count)} ${count === 1 ? one : many}`;

  infogap.words = (name) => String(name).replaceAll("_", " ");

  const SIGNS = { correct: "✓", wrong: "✗", no_answer: "∅", truncated: "…", ungradable: "?" };

  /** A verdict: a sign and a word, so that it does not depend on colour. */
  infogap.verdict = (name) =>
    infogap.el(
      `span.verdict.verdict-${name in SIGNS ? name : "other"}`,
      {},
      infogap.el("span.sign", { "aria-hidden": "true" }, SIGNS[name] ?? "·"),
      infogap.words(name),
    );
}
