// What this browser remembers for its reader: how things look, and how times, numbers and sizes are written.
import { Card, Radio, Select, Switch } from 'antd';
import type { ReactNode } from 'react';
import { bytes, count, dateText } from '../lib/format';
import { setPrefs, usePrefs } from '../lib/prefs';
import { useWho } from '../lib/session';
import { THEMES, TIMES, UNITS } from '../ui/layout';
import { Page, When } from '../ui/parts';

const REGIONS = ['', 'en-GB', 'en-US', 'de-DE', 'de-CH', 'fr-FR', 'sv-SE', 'hi-IN', 'ja-JP'];
const NAMES: Record<string, string> = {
  '': 'As the browser says',
  'en-GB': 'United Kingdom',
  'en-US': 'United States',
  'de-DE': 'Germany',
  'de-CH': 'Switzerland',
  'fr-FR': 'France',
  'sv-SE': 'Sweden',
  'hi-IN': 'India',
  'ja-JP': 'Japan',
};

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
    <Page title="Settings" text={`Kept in this browser, for ${who.name} and whoever else uses it.`}>
      <div className="two">
        <Card title="Looks">
          <Choice title="Colours">
            <Group
              label="Colours"
              value={prefs.theme}
              of={THEMES}
              onChange={(theme) => setPrefs({ theme })}
            />
          </Choice>
          <Choice title="Sizes" text={`Such as ${bytes(48_000_000_000)}.`}>
            <Group label="Sizes" value={prefs.units} of={UNITS} onChange={(units) => setPrefs({ units })} />
          </Choice>
          <Choice
            title="Keyboard"
            text="Keys such as / and g, without Ctrl. Turn them off when a program that types for you sets them off."
          >
            <label className="switch">
              <Switch checked={prefs.keys} onChange={(keys) => setPrefs({ keys })} aria-label="Single keys" />
              Single keys
            </label>
          </Choice>
        </Card>
        <Card title="Times and numbers">
          <Choice
            title="Times"
            text={
              <>
                Now is <When at={now} full />. Wherever one points, the local time, UTC and its text for
                programs are shown.
              </>
            }
          >
            <Group label="Times" value={prefs.times} of={TIMES} onChange={(times) => setPrefs({ times })} />
          </Choice>
          <Choice
            title="Written as in"
            text={`${count(1_234_567)} files, ${bytes(1_230_000)}, ${dateText(now, 'minute')}`}
          >
            <Select
              aria-label="Written as in"
              style={{ width: 240, maxWidth: '100%' }}
              value={prefs.region}
              options={REGIONS.map((r) => ({ value: r, label: NAMES[r] }))}
              onChange={(region) => setPrefs({ region })}
            />
          </Choice>
        </Card>
      </div>
    </Page>
  );
}
