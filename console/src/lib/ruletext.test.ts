import { describe, expect, it } from 'vitest';
import { indexOfByte, mark } from './ruletext';

describe('the place of a rule error', () => {
  it('is found in plain text', () => {
    expect(mark('size > 10XB and x', 7, 4)).toEqual({ before: 'size > ', wrong: '10XB', after: ' and x' });
  });
  it('counts bytes, not letters', () => {
    expect(mark('name = "é" ann', 12, 3)).toEqual({ before: 'name = "é" ', wrong: 'ann', after: '' });
  });
  it('counts characters outside the basic plane', () => {
    expect(mark('name = "😀" oops', 14, 4).wrong).toBe('oops');
  });
  it('marks one blank at the end of the text', () => {
    expect(mark('size >', 6, 0)).toEqual({ before: 'size >', wrong: ' ', after: '' });
  });
  it('marks one letter when the length is 0', () => {
    expect(mark('a b c', 2, 0)).toEqual({ before: 'a ', wrong: 'b', after: ' c' });
  });
  it('never leaves the text', () => {
    expect(indexOfByte('abc', 99)).toBe(3);
    expect(mark('abc', 99, 5)).toEqual({ before: 'abc', wrong: ' ', after: '' });
  });
  it('keeps the whole text', () => {
    for (let at = 0; at < 9; at++) {
      const { before, wrong, after } = mark('aé😀b', at, 2);
      expect((before + wrong + after).trimEnd()).toBe('aé😀b');
    }
  });
});
