// Who is here, and how things look: menus, which the first page can do without for a moment.
import { BulbOutlined, KeyOutlined, LogoutOutlined, SettingOutlined, UserOutlined } from '@ant-design/icons';
import { t } from '@lingui/core/macro';
import { Button, Dropdown } from 'antd';
import { type ReactNode, useRef, useState } from 'react';
import { setPrefs, type Theme, type Times, type Units, usePrefs } from '../lib/prefs';
import { useGo, useWho } from '../lib/session';
import { useLogOut } from './logout';
import { THEMES, TIMES, UNITS } from './looks';
import { SetPassword } from './password';

const choice = <T extends string>(
  key: string,
  label: string,
  now: T,
  values: [T, string][],
  set: (v: T) => void,
) => ({
  key,
  label,
  type: 'group' as const,
  children: values.map(([v, text]) => ({
    key: `${key}-${v}`,
    label: text,
    icon: <span style={{ width: 12, display: 'inline-block' }}>{now === v ? '✓' : ''}</span>,
    onClick: () => set(v),
  })),
});

function Appearance() {
  const prefs = usePrefs();
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        items: [
          choice<Theme>('theme', t`Colours`, prefs.theme, THEMES(), (v) => setPrefs({ theme: v })),
          choice<Units>('units', t`Sizes`, prefs.units, UNITS, (v) => setPrefs({ units: v })),
          choice<Times>('times', t`Times`, prefs.times, TIMES(), (v) => setPrefs({ times: v })),
        ],
      }}
    >
      <Button type="text" aria-label={t`Appearance`} icon={<BulbOutlined />} />
    </Dropdown>
  );
}

function Account({ wide }: { wide: boolean }) {
  const who = useWho();
  const go = useGo();
  const logOut = useLogOut();
  const [password, setPassword] = useState(false);
  const account = useRef<HTMLButtonElement>(null);
  return (
    <>
      <Dropdown
        trigger={['click']}
        menu={{
          items: [
            {
              key: 'word',
              label: t`Change password`,
              icon: <KeyOutlined />,
              onClick: () => {
                account.current?.focus();
                setPassword(true);
              },
            },
            {
              key: 'settings',
              label: t`Settings of this browser`,
              icon: <SettingOutlined />,
              onClick: () => go('/settings'),
            },
            { key: 'out', label: t`Log out`, icon: <LogoutOutlined />, onClick: () => void logOut() },
          ],
        }}
      >
        <Button ref={account} type="text" icon={<UserOutlined />} aria-label={t`${who.name}: account`}>
          {wide ? who.name : null}
        </Button>
      </Dropdown>
      {password && <SetPassword user={who} own onClose={() => setPassword(false)} />}
    </>
  );
}

export default function Menus({ wide, children }: { wide: boolean; children: ReactNode }) {
  return (
    <>
      {wide && <Appearance />}
      {children}
      <Account wide={wide} />
    </>
  );
}
