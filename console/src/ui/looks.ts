// What can be chosen of how things look and are written.
import { t } from '@lingui/core/macro';
import type { Theme, Times, Units } from '../lib/prefs';

export const THEMES = (): [Theme, string][] => [
  ['system', t`As the system`],
  ['light', t`Light`],
  ['dark', t`Dark`],
];
export const UNITS: [Units, string][] = [
  ['decimal', 'kB, MB, GB (1000)'],
  ['binary', 'KiB, MiB, GiB (1024)'],
];
export const TIMES = (): [Times, string][] => [
  ['recent', t`“3 minutes ago” while recent`],
  ['local', t`Your own zone`],
  ['utc', 'UTC'],
];
