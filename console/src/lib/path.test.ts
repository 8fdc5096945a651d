import { describe, expect, it } from 'vitest';
import { crumbs, parentOf, pathsOf, visible } from './path';

describe('paths', () => {
  it('has a crumb for each folder', () => {
    expect(crumbs({ path: '/a/b c' }).map((c) => c.path)).toEqual(['/', '/a', '/a/b c']);
    expect(crumbs({ path: '/' })).toHaveLength(1);
  });
  it('keeps the bytes of names that are not UTF-8', () => {
    const list = crumbs({ path: '/a\ufffd/b', b64: btoa('/a\xff/b') });
    expect(list[1]!.b64).toBe(btoa('/a\xff'));
    expect(list[2]!.b64).toBe(btoa('/a\xff/b'));
  });
  it('stays at the root', () => {
    expect(parentOf({ path: '/' }).path).toBe('/');
    expect(parentOf({ path: '/a/b' }).path).toBe('/a');
  });
  it('sends bytes where there are any, text otherwise', () => {
    expect(pathsOf([{ path: '/a' }, { path: '/\ufffd', path_b64: 'L/8=' }])).toEqual({
      paths: ['/a'],
      paths_b64: ['L/8='],
    });
    expect(pathsOf([{ path: '/a' }])).toEqual({ paths: ['/a'] });
  });
});

describe('names', () => {
  it.each([
    ['/a/b c.mov', '/a/b c.mov'],
    ['two\nlines\t.txt', 'two⟨LF⟩lines⟨TAB⟩.txt'],
    ['\u202Egnp.exe', '⟨U+202E⟩gnp.exe'],
    ['/ a/b /c', '/␣a/b␣/c'],
    ['größte 👩‍💻 سجل.mov', 'größte 👩‍💻 سجل.mov'],
    ['\u007f\u0085', '⟨U+007F⟩⟨U+0085⟩'],
  ])('%j is shown as %s', (name, shown) => expect(visible(name)).toBe(shown));
});
