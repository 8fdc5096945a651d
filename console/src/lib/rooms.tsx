// The rooms of the house: what people come for, in this order, and which addresses belong to each.
import { t } from '@lingui/core/macro';
import {
  AuditOutlined,
  BarChartOutlined,
  CloudDownloadOutlined,
  CloudServerOutlined,
  DatabaseOutlined,
  EyeOutlined,
  FilterOutlined,
  FolderOpenOutlined,
  SettingOutlined,
  UnorderedListOutlined,
} from '@ant-design/icons';
import type { ReactNode } from 'react';
import type { Who } from './session';

export interface Inner {
  path: string;
  name: string;
  /** After g. */
  letter?: string;
  for?: 'operator' | 'mayUsers';
}
export interface Room extends Inner {
  icon: ReactNode;
  /** Pages inside, the room's own first. */
  inside?: Inner[];
}

const ROOMS = (): Room[] => [
  { path: '/', name: t`Overview`, letter: 'o', icon: <BarChartOutlined /> },
  { path: '/volumes', name: t`Files`, letter: 'f', icon: <FolderOpenOutlined /> },
  {
    path: '/rules',
    name: t`Rules`,
    letter: 'r',
    icon: <FilterOutlined />,
    inside: [
      { path: '/rules', name: t`Rules` },
      { path: '/plan', name: t`Plan`, letter: 'p' },
    ],
  },
  { path: '/jobs', name: t`Jobs`, letter: 'j', icon: <UnorderedListOutlined /> },
  { path: '/access', name: t`Access`, letter: 'l', icon: <EyeOutlined /> },
  { path: '/recalls', name: t`Recalls`, letter: 'b', icon: <CloudDownloadOutlined /> },
  { path: '/audit', name: t`Audit`, letter: 'a', icon: <AuditOutlined /> },
  { path: '/hosts', name: t`Hosts`, letter: 'h', icon: <CloudServerOutlined /> },
  { path: '/shares', name: t`Shares`, letter: 's', icon: <DatabaseOutlined /> },
  {
    path: '/settings',
    name: t`Settings`,
    letter: 't',
    icon: <SettingOutlined />,
    inside: [
      { path: '/settings', name: t`This browser` },
      { path: '/customers', name: t`Customers`, letter: 'c', for: 'operator' },
      { path: '/users', name: t`Users`, letter: 'u', for: 'mayUsers' },
      { path: '/imports', name: t`Imports`, letter: 'i' },
    ],
  },
];

type May = Pick<Who, 'operator' | 'mayUsers'>;

/** Those that somebody may enter. */
export function roomsFor(who: May): Room[] {
  return ROOMS().map((r) => (r.inside ? { ...r, inside: r.inside.filter((i) => !i.for || who[i.for]) } : r));
}

const below = (place: string, path: string) =>
  path === '/' ? place === '/' : place === path || place.startsWith(`${path}/`);

/** The room that an address is in, and the page inside it. */
export function roomAt(rooms: Room[], place: string): { room?: Room; inner?: Inner } {
  for (const room of rooms) {
    const inner = room.inside?.find((i) => below(place, i.path));
    if (inner || below(place, room.path)) return { room, inner };
  }
  return {};
}

/** Every place that has a name, those inside of others too. */
export function placesOf(rooms: Room[]): (Inner & { in?: string })[] {
  return rooms.flatMap((r) => [
    r,
    ...(r.inside ?? []).filter((i) => i.path !== r.path).map((i) => ({ ...i, in: r.name })),
  ]);
}

/** What of an address holds for any customer: how it is searched and sorted, but nothing that names what belongs to one. */
const NEUTRAL = ['q', 'state', 'kind', 'range', 'sort', 'order', 'period', 'by', 'tab', 'as'];

/**
 * Where one goes when another customer is chosen: the same room; of a page of one thing, which belongs to a customer, the list of its kind.
 * same: what the page shows belongs to that customer too.
 */
export function switched(place: string, search: URLSearchParams, customer?: string, same = false): string {
  const [, room, which] = place.split('/');
  const one = which !== undefined && which !== 'new';
  const stays = !one || !customer || same;
  const next = new URLSearchParams();
  for (const [key, value] of search) {
    if (stays && (one || !customer || NEUTRAL.includes(key)) && key !== 'customer') next.append(key, value);
  }
  if (customer) next.set('customer', customer);
  const path = stays ? place : `/${room}`;
  const text = next.toString();
  return text ? `${path}?${text}` : path;
}
