// The frame around every room: whose things are looked at, where one is, what can be found, and whether it is fresh.
import {
  BulbOutlined,
  KeyOutlined,
  LogoutOutlined,
  QuestionCircleOutlined,
  SearchOutlined,
  SettingOutlined,
  UserOutlined,
} from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Button, Dropdown, Grid, Layout as Ant, theme } from 'antd';
import { lazy, type ReactNode, Suspense, useCallback, useMemo, useRef, useState } from 'react';
import { Link, useLocation, useNavigate } from 'react-router';
import { api, must, setCsrf } from '../api/client';
import type { LiveState } from '../lib/live';
import { setPrefs, type Theme, type Times, type Units, usePrefs } from '../lib/prefs';
import { roomAt, roomsFor } from '../lib/rooms';
import { useGo, useTo, useWho } from '../lib/session';
import { Dialog } from './dialog';
import { Fence } from './fence';
import { Freshness, LiveBadge } from './fresh';
import { FIND_KEYS, KeyHelp, useKeys } from './keys';
import { BottomBar, Inside, RoomList } from './nav';
import { SetPassword } from './password';
import { Switcher, useRemembered } from './switcher';
import { TimeTip } from './time';

// Asked for when it is first opened.
const Palette = lazy(() => import('./palette'));

export function useLogOut() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return async () => {
    await must(api.DELETE('/session')).catch(() => undefined);
    setCsrf(undefined);
    client.clear();
    void navigate('/login');
  };
}

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

export const THEMES: [Theme, string][] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];
export const UNITS: [Units, string][] = [
  ['decimal', 'kB, MB, GB (1000)'],
  ['binary', 'KiB, MiB, GiB (1024)'],
];
export const TIMES: [Times, string][] = [
  ['recent', '“3 minutes ago” while recent'],
  ['local', 'Your own zone'],
  ['utc', 'UTC'],
];

function Appearance() {
  const prefs = usePrefs();
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        items: [
          choice<Theme>('theme', 'Colours', prefs.theme, THEMES, (v) => setPrefs({ theme: v })),
          choice<Units>('units', 'Sizes', prefs.units, UNITS, (v) => setPrefs({ units: v })),
          choice<Times>('times', 'Times', prefs.times, TIMES, (v) => setPrefs({ times: v })),
        ],
      }}
    >
      <Button type="text" aria-label="Appearance" icon={<BulbOutlined />} />
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
              label: 'Change password',
              icon: <KeyOutlined />,
              onClick: () => {
                account.current?.focus();
                setPassword(true);
              },
            },
            {
              key: 'settings',
              label: 'Settings of this browser',
              icon: <SettingOutlined />,
              onClick: () => go('/settings'),
            },
            { key: 'out', label: 'Log out', icon: <LogoutOutlined />, onClick: () => void logOut() },
          ],
        }}
      >
        <Button ref={account} type="text" icon={<UserOutlined />} aria-label={`${who.name}: account`}>
          {wide ? who.name : null}
        </Button>
      </Dropdown>
      {password && <SetPassword user={who} own onClose={() => setPassword(false)} />}
    </>
  );
}

export function Layout({ live, children }: { live: LiveState; children: ReactNode }) {
  const who = useWho();
  const rooms = useMemo(() => roomsFor(who), [who]);
  const to = useTo();
  const place = useLocation();
  const wide = Grid.useBreakpoint().lg ?? true;
  const { token } = theme.useToken();
  const [help, setHelp] = useState(false);
  const [finding, setFinding] = useState<'no' | 'open' | 'shut'>('no');
  const find = useCallback(() => setFinding('open'), []);
  const showHelp = useCallback(() => setHelp(true), []);
  useKeys(rooms, showHelp, find);
  useRemembered();
  const here = roomAt(rooms, place.pathname);
  const brand = (
    <Link
      to={to('/')}
      className="brand"
      aria-label="Alto, to the overview"
      style={{ color: token.colorText }}
    >
      <img src="/alto.svg" alt="" width={26} height={26} />
      Alto
    </Link>
  );
  const line = `1px solid ${token.colorBorderSecondary}`;
  return (
    <Ant style={{ minHeight: '100%' }}>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      {wide && (
        <Ant.Sider
          width={220}
          theme="light"
          className="side"
          style={{ borderInlineEnd: line, background: token.colorBgContainer }}
        >
          <div style={{ padding: '18px 20px 12px' }}>{brand}</div>
          <RoomList rooms={rooms} here={here.room} />
        </Ant.Sider>
      )}
      <Ant style={{ minWidth: 0 }}>
        <Ant.Header
          className={`bar-top${wide ? '' : ' narrow'}`}
          style={{ background: token.colorBgContainer, borderBottom: line }}
        >
          {!wide && (
            <Link to={to('/')} aria-label="Alto, to the overview" className="brand">
              <img src="/alto.svg" alt="" width={26} height={26} />
            </Link>
          )}
          <Switcher wide={wide} />
          <div style={{ flex: 1 }} />
          {wide && (
            <Button
              className="finder"
              icon={<SearchOutlined aria-hidden />}
              onClick={find}
              aria-keyshortcuts="Control+K Meta+K"
            >
              Search or do <kbd aria-hidden="true">{FIND_KEYS}</kbd>
            </Button>
          )}
          <LiveBadge live={live} wide={wide} />
          {wide && <Appearance />}
          {wide && (
            <Button
              type="text"
              aria-label="Keyboard help"
              icon={<QuestionCircleOutlined />}
              onClick={showHelp}
            />
          )}
          <Account wide={wide} />
        </Ant.Header>
        <Freshness live={live} />
        {here.room && <Inside room={here.room} at={here.inner?.path} />}
        <Ant.Content id="main" tabIndex={-1} style={{ outline: 'none' }}>
          {children}
        </Ant.Content>
        {!wide && <BottomBar rooms={rooms} here={here.room} brand={brand} onFind={find} />}
      </Ant>
      <TimeTip />
      {finding !== 'no' && (
        <Fence
          place="palette"
          instead={() => (
            <Dialog
              open
              title="The search could not be loaded"
              okText="Load the page again"
              onOk={() => window.location.reload()}
              onCancel={() => setFinding('no')}
            >
              Perhaps Alto was updated, or the network was away. What is not saved on this page is lost when
              it is loaded again.
            </Dialog>
          )}
        >
          <Suspense fallback={null}>
            <Palette
              rooms={rooms}
              open={finding === 'open'}
              onClose={() => setFinding('shut')}
              onHelp={showHelp}
            />
          </Suspense>
        </Fence>
      )}
      <KeyHelp rooms={rooms} open={help} onClose={() => setHelp(false)} />
    </Ant>
  );
}
