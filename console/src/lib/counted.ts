// Things by their number: "1 file", "1,204 files".
import { plural, t } from '@lingui/core/macro';
import { count } from './format';

const COUNTED = {
  access: (n: number, c: string) => plural(n, { one: `${c} access`, other: `${c} accesses` }),
  client: (n: number, c: string) => plural(n, { one: `${c} client`, other: `${c} clients` }),
  error: (n: number, c: string) => plural(n, { one: `${c} error`, other: `${c} errors` }),
  event: (n: number, c: string) => plural(n, { one: `${c} event`, other: `${c} events` }),
  file: (n: number, c: string) => plural(n, { one: `${c} file`, other: `${c} files` }),
  filespace: (n: number, c: string) => plural(n, { one: `${c} filespace`, other: `${c} filespaces` }),
  folder: (n: number, c: string) => plural(n, { one: `${c} folder`, other: `${c} folders` }),
  hour: (n: number, c: string) => plural(n, { one: `${c} hour`, other: `${c} hours` }),
  marker: (n: number, c: string) => plural(n, { one: `${c} marker`, other: `${c} markers` }),
  other: (n: number, c: string) => plural(n, { one: `${c} other`, other: `${c} others` }),
  read: (n: number, c: string) => plural(n, { one: `${c} read`, other: `${c} reads` }),
  result: (n: number, c: string) => plural(n, { one: `${c} result`, other: `${c} results` }),
  row: (n: number, c: string) => plural(n, { one: `${c} row`, other: `${c} rows` }),
  share: (n: number, c: string) => plural(n, { one: `${c} share`, other: `${c} shares` }),
  volume: (n: number, c: string) => plural(n, { one: `${c} volume`, other: `${c} volumes` }),
  write: (n: number, c: string) => plural(n, { one: `${c} write`, other: `${c} writes` }),
};

export function counted(n: number | null | undefined, noun: keyof typeof COUNTED): string {
  return COUNTED[noun](n ?? 0, count(n));
}

/** What a list is of, without a number: one of them, and many. */
const LISTED = {
  accesses: () => [t`access`, t`accesses`],
  clients: () => [t`client`, t`clients`],
  customers: () => [t`customer`, t`customers`],
  entries: () => [t`entry`, t`entries`],
  events: () => [t`event`, t`events`],
  files: () => [t`file`, t`files`],
  filespaces: () => [t`filespace`, t`filespaces`],
  folders: () => [t`folder`, t`folders`],
  hosts: () => [t`host`, t`hosts`],
  imports: () => [t`import`, t`imports`],
  jobs: () => [t`job`, t`jobs`],
  outcomes: () => [t`outcome`, t`outcomes`],
  people: () => [t`person`, t`people`],
  rules: () => [t`rule`, t`rules`],
  shares: () => [t`share`, t`shares`],
  users: () => [t`user`, t`users`],
  versions: () => [t`version`, t`versions`],
  volumes: () => [t`volume`, t`volumes`],
};
export type Listed = keyof typeof LISTED;
export const listed = (what: Listed) => LISTED[what]() as [one: string, many: string];
