import { describe, expect, it } from 'vitest';
import { crumbs, parentOf, pathsOf } from './path';

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
