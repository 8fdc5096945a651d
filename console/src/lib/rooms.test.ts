import { describe, expect, it } from 'vitest';
import { placeOfHit, fits, volumeAt } from '../ui/palette';
import { placesOf, roomAt, roomsFor, switched } from './rooms';

const operator = roomsFor({ operator: true, mayUsers: true });
const auditor = roomsFor({ operator: false, mayUsers: false });

describe('rooms', () => {
  it('are those that somebody may enter', () => {
    expect(placesOf(operator).map((p) => p.path)).toContain('/customers');
    expect(placesOf(auditor).map((p) => p.path)).not.toContain('/customers');
    expect(placesOf(auditor).map((p) => p.path)).not.toContain('/users');
  });
  it.each([
    ['/', 'Overview', undefined],
    ['/volumes/x/files', 'Files', undefined],
    ['/plan', 'Rules', 'Plan'],
    ['/rules/new', 'Rules', 'Rules'],
    ['/imports/x', 'Settings', 'Imports'],
    ['/nowhere', undefined, undefined],
    ['/jobsx', undefined, undefined],
  ])('%s is in %s', (place, room, inner) => {
    const at = roomAt(operator, place);
    expect([at.room?.name, at.inner?.name]).toEqual([room, inner]);
  });
  it('have letters of their own', () => {
    const letters = placesOf(operator).flatMap((p) => p.letter ?? []);
    expect(new Set(letters).size).toBe(letters.length);
  });
});

describe('another customer', () => {
  const to = (place: string, search: string, customer?: string, same?: boolean) =>
    switched(place, new URLSearchParams(search), customer, same);
  it('keeps a list and how it is searched, but nothing that belongs to one', () =>
    expect(to('/jobs', 'customer=a&state=failed&volume=v&pages=3', 'b')).toBe(
      '/jobs?state=failed&customer=b',
    ));
  it('leads from one thing to the list of its kind', () =>
    expect(to('/volumes/v/files', 'path=%2Fa&customer=a', 'b')).toBe('/volumes?customer=b'));
  it('stays at what is that customer’s', () =>
    expect(to('/volumes/v/files', 'path=%2Fa', 'b', true)).toBe('/volumes/v/files?path=%2Fa&customer=b'));
  it('keeps what is being made', () => expect(to('/rules/new', '', 'b')).toBe('/rules/new?customer=b'));
  it('of all keeps all', () => expect(to('/jobs/j', 'customer=a&reason=x')).toBe('/jobs/j?reason=x'));
});

describe('the palette', () => {
  it('finds by every word, in any order', () => {
    expect(fits('users set', 'Users Settings')).toBe(true);
    expect(fits('users plan', 'Users Settings')).toBe(false);
  });
  it('knows the volume that is looked at', () => {
    expect(volumeAt('/volumes/01abc/files', new URLSearchParams())).toBe('01abc');
    expect(volumeAt('/rules', new URLSearchParams('volume=01x'))).toBe('01x');
    expect(volumeAt('/jobs/01j', new URLSearchParams())).toBeUndefined();
  });
  it('leads to a file in its folder, byte by byte', () =>
    expect(
      placeOfHit({
        kind: 'file',
        id: 'x',
        name: 'b',
        customer: null,
        of: null,
        where: '',
        file: { volume: 'v', path: '/a/b', path_b64: btoa('/a/\xe9') },
      }),
    ).toEqual([
      '/volumes/v/files',
      { path: '/a', b64: btoa('/a'), open: '/a/b', open_b64: btoa('/a/\xe9') },
    ]));
});
