// A rule's error is told by the server as a place in bytes; text in the browser counts UTF-16 units.

export interface Mark {
  before: string;
  wrong: string;
  after: string;
}

/** Index into text of the byte at offset; in the middle of a character: that character's begin. */
export function indexOfByte(text: string, offset: number): number {
  let bytes = 0;
  let index = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes + length > offset) return index;
    bytes += length;
    index += character.length;
  }
  return text.length;
}

/** Parts of text before, at and behind the error. At the end of the text the wrong part is one blank, so that there is something to mark. */
export function mark(text: string, at: number, length: number): Mark {
  const from = indexOfByte(text, at);
  const to = length > 0 ? indexOfByte(text, at + length) : from;
  const wrong = text.slice(from, Math.max(to, from));
  return {
    before: text.slice(0, from),
    wrong: wrong || text.slice(from, from + 1) || ' ',
    after: text.slice(from + Math.max(wrong.length, 1)),
  };
}
