// What was taken out of a text and what was put in, word by word.

export interface Piece {
  text: string;
  is: 'same' | 'gone' | 'new';
}

/** Words, quoted texts and marks, each with the blanks before it. */
const split = (text: string): string[] =>
  text.match(
    /\s*(?:"(?:\\.|[^"\\])*"i?|'(?:\\.|[^'\\])*'i?|\/(?:\\.|[^/\\])*\/i?|\w+(?:\.\d+\w*)?|[<>=!]+|.)/gs,
  ) ?? [];

export function diff(before: string, after: string): Piece[] {
  const a = split(before);
  const b = split(after);
  // Longest common part by the table: a rule has some hundred words at most; longer ones are told as a whole.
  if (a.length * b.length > 4_000_000)
    return before === after
      ? [{ text: after, is: 'same' }]
      : [
          { text: before, is: 'gone' },
          { text: after, is: 'new' },
        ];
  const n = b.length + 1;
  const length = new Uint32Array((a.length + 1) * n);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i * n + j] =
        a[i] === b[j]
          ? length[(i + 1) * n + j + 1]! + 1
          : Math.max(length[(i + 1) * n + j]!, length[i * n + j + 1]!);
  const out: Piece[] = [];
  const put = (text: string, is: Piece['is']) => {
    const last = out.at(-1);
    if (last?.is === is) last.text += text;
    else out.push({ text, is });
  };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      put(a[i]!, 'same');
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && length[(i + 1) * n + j]! >= length[i * n + j + 1]!))
      put(a[i++]!, 'gone');
    else put(b[j++]!, 'new');
  }
  return out;
}
