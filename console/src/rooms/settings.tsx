// What this browser remembers for its reader: how things look, and how times, numbers and sizes are written.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Card, Radio, Select, Switch } from 'antd';
import type { ReactNode } from 'react';
import { bytes, count, dateText } from '../lib/format';
import { type Language, setPrefs, usePrefs } from '../lib/prefs';
import { useWho } from '../lib/session';
import { THEMES, TIMES, UNITS } from '../ui/looks';
import { Page, When } from '../ui/parts';

const REGIONS = ['', 'en-GB', 'en-US', 'de-DE', 'de-CH', 'fr-FR', 'sv-SE', 'hi-IN', 'ja-JP'];
const NAMES = (): Record<string, string> => ({
  '': t`As the browser says`,
  'en-GB': t`United Kingdom`,
  'en-US': t`United States`,
  'de-DE': t`Germany`,
  'de-CH': t`Switzerland`,
  'fr-FR': t`France`,
  'sv-SE': t`Sweden`,
  'hi-IN': t`India`,
  'ja-JP': t`Japan`,
});

/** Each is called as those call it who speak it. */
const LANGUAGES = (): [Language | '', string][] => [
  ['', t`As the browser says`],
  ['en', 'English'],
  ['de', 'Deutsch'],
];

function Choice({ title, text, children }: { title: string; text?: ReactNode; children: ReactNode }) {
  return (
    <fieldset className="choice">
      <legend>{title}</legend>
      {text && <p className="sub">{text}</p>}
      {children}
    </fieldset>
  );
}

function Group<T extends string>({
  label,
  value,
  of,
  onChange,
}: {
  label: string;
  value: T;
  of: [T, string][];
  onChange: (v: T) => void;
}) {
  return (
    <Radio.Group
      aria-label={label}
      className="choices"
      value={value}
      onChange={(e) => onChange(e.target.value as T)}
      options={of.map(([v, name]) => ({ value: v, label: name }))}
    />
  );
}

export default function Settings() {
  const prefs = usePrefs();
  const who = useWho();
  const now = new Date().toISOString();
  return (
    <Page title={t`Settings`} text={t`Kept in this browser, for ${who.name} and whoever else uses it.`}>
      <div className="two">
        <Card title={t`Looks`}>
          <Choice title={t`Language`}>
            <Group
              label={t`Language`}
              value={prefs.language}
              of={LANGUAGES()}
              onChange={(language) => setPrefs({ language })}
            />
          </Choice>
          <Choice title={t`Colours`}>
            <Group
              label={t`Colours`}
              value={prefs.theme}
              of={THEMES()}
              onChange={(theme) => setPrefs({ theme })}
            />
          </Choice>
          <Choice title={t`Sizes`} text={t`Such as ${bytes(48_000_000_000)}.`}>
            <Group
              label={t`Sizes`}
              value={prefs.units}
              of={UNITS}
              onChange={(units) => setPrefs({ units })}
            />
          </Choice>
          <Choice
            title={t`Keyboard`}
            text={t`Keys such as / and g, without Ctrl. Turn them off when a program that types for you sets them off.`}
          >
            <label className="switch">
              <Switch
                checked={prefs.keys}
                onChange={(keys) => setPrefs({ keys })}
                aria-label={t`Single keys`}
              />
              <Trans>Single keys</Trans>
            </label>
          </Choice>
        </Card>
        <Card title={t`Times and numbers`}>
          <Choice
            title={t`Times`}
            text={
              <>
                <Trans>
                  Now is <When at={now} full />. Wherever one points, the local time, UTC and its text for
                  programs are shown.
                </Trans>
              </>
            }
          >
            <Group
              label={t`Times`}
              value={prefs.times}
              of={TIMES()}
              onChange={(times) => setPrefs({ times })}
            />
          </Choice>
          <Choice
            title={t`Written as in`}
            text={t`${count(1_234_567)} files, ${bytes(1_230_000)}, ${dateText(now, 'minute')}`}
          >
            <Select
              aria-label={t`Written as in`}
              style={{ width: 240, maxWidth: '100%' }}
              value={prefs.region}
              options={REGIONS.map((r) => ({ value: r, label: NAMES()[r] }))}
              onChange={(region) => setPrefs({ region })}
            />
          </Choice>
        </Card>
      </div>
    </Page>
  );
}
