import {
  AuditOutlined,
  BarChartOutlined,
  BulbOutlined,
  CloudServerOutlined,
  DatabaseOutlined,
  EyeOutlined,
  FilterOutlined,
  FundProjectionScreenOutlined,
  HddOutlined,
  ImportOutlined,
  KeyOutlined,
  LogoutOutlined,
  MenuOutlined,
  QuestionCircleOutlined,
  TeamOutlined,
  UnorderedListOutlined,
  UserOutlined,
} from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Badge, Button, Drawer, Dropdown, Grid, Layout as Ant, Menu, Tooltip, theme } from 'antd';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { Link, useLocation, useNavigate } from 'react-router';
import { api, must, setCsrf } from '../api/client';
import type { LiveState } from '../lib/live';
import { setPrefs, type Theme, type Units, usePrefs } from '../lib/prefs';
import { useAddress, useGo, useTo, useWho } from '../lib/session';
import { SetPassword } from './password';
import { Pick } from './pick';
import { Dialog } from './dialog';

const ROOMS = [
  { path: '/', name: 'Overview', letter: 'o', icon: <BarChartOutlined /> },
  { path: '/customers', name: 'Customers', letter: 'c', icon: <TeamOutlined />, operator: true },
  { path: '/hosts', name: 'Hosts', letter: 'h', icon: <CloudServerOutlined /> },
  { path: '/volumes', name: 'Volumes & files', letter: 'v', icon: <HddOutlined /> },
  { path: '/shares', name: 'Shares', letter: 's', icon: <DatabaseOutlined /> },
  { path: '/rules', name: 'Rules', letter: 'r', icon: <FilterOutlined /> },
  { path: '/plan', name: 'Plan', letter: 'p', icon: <FundProjectionScreenOutlined /> },
  { path: '/imports', name: 'Imports', letter: 'i', icon: <ImportOutlined /> },
  { path: '/access', name: 'Access', letter: 'l', icon: <EyeOutlined /> },
  { path: '/jobs', name: 'Jobs', letter: 'j', icon: <UnorderedListOutlined /> },
  { path: '/audit', name: 'Audit', letter: 'a', icon: <AuditOutlined /> },
  { path: '/users', name: 'Users', letter: 'u', icon: <UserOutlined />, users: true },
];

function useRooms() {
  const who = useWho();
  return useMemo(
    () => ROOMS.filter((r) => (!r.operator || who.operator) && (!r.users || who.mayUsers)),
    [who],
  );
}

function useKeys(help: () => void) {
  const go = useGo();
  const rooms = useRooms();
  const first = useRef(0);
  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      const at = e.target as HTMLElement;
      if (
        e.ctrlKey ||
        e.metaKey ||
        e.altKey ||
        at.isContentEditable ||
        /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)
      )
        return;
      if (e.key === '?') help();
      else if (e.key === '/') {
        const field = document.querySelector<HTMLInputElement>('input[data-search], [data-search] input');
        if (!field) return;
        e.preventDefault();
        field.focus();
      } else if (e.key === 'g') first.current = Date.now();
      else if (Date.now() - first.current < 1500) {
        first.current = 0;
        const room = rooms.find((r) => r.letter === e.key);
        if (room) go(room.path);
      }
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [go, rooms, help]);
}

const LIVE: Record<LiveState, ['success' | 'warning' | 'processing', string, string]> = {
  live: ['success', 'Live', 'Everything shown is brought up to date as it happens'],
  connecting: ['processing', 'Connecting', 'Live updates are being connected'],
  lost: ['warning', 'Reconnecting', 'Live updates are interrupted; they come back by themselves'],
};

export function Layout({ live, children }: { live: LiveState; children: ReactNode }) {
  const who = useWho();
  const rooms = useRooms();
  const to = useTo();
  const place = useLocation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const wide = Grid.useBreakpoint().lg ?? true;
  const prefs = usePrefs();
  const { token } = theme.useToken();
  const [open, setOpen] = useState(false);
  const [help, setHelp] = useState(false);
  const [, change] = useAddress();
  const [password, setPassword] = useState(false);
  const account = useRef<HTMLButtonElement>(null);
  const showHelp = useMemo(() => () => setHelp(true), []);
  useKeys(showHelp);
  const here = rooms
    .filter((r) => (r.path === '/' ? place.pathname === '/' : place.pathname.startsWith(r.path)))
    .map((r) => r.path);
  const menu = (
    <Menu
      mode="inline"
      selectedKeys={here}
      style={{ border: 0, background: 'transparent' }}
      onClick={() => setOpen(false)}
      items={rooms.map((r) => ({ key: r.path, icon: r.icon, label: <Link to={to(r.path)}>{r.name}</Link> }))}
    />
  );
  const brand = (
    <Link to={to('/')} className="brand" style={{ color: token.colorText }}>
      <img src="/alto.svg" alt="" width={26} height={26} />
      Alto
    </Link>
  );
  const logOut = async () => {
    await must(api.DELETE('/session')).catch(() => undefined);
    setCsrf(undefined);
    client.clear();
    void navigate('/login');
  };
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
  const [badge, word, why] = LIVE[live];
  return (
    <Ant style={{ minHeight: '100%' }}>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      {wide && (
        <Ant.Sider
          width={220}
          theme="light"
          style={{
            borderInlineEnd: `1px solid ${token.colorBorderSecondary}`,
            position: 'sticky',
            top: 0,
            height: '100vh',
            overflow: 'auto',
            background: token.colorBgContainer,
          }}
        >
          <div style={{ padding: '18px 20px 12px' }}>{brand}</div>
          <nav aria-label="Rooms">{menu}</nav>
        </Ant.Sider>
      )}
      <Drawer
        open={open && !wide}
        placement="left"
        onClose={() => setOpen(false)}
        title={brand}
        size={260}
        styles={{ body: { padding: 8 } }}
      >
        <nav aria-label="Rooms">{menu}</nav>
      </Drawer>
      <Ant style={{ minWidth: 0 }}>
        <Ant.Header
          style={{
            background: token.colorBgContainer,
            borderBottom: `1px solid ${token.colorBorderSecondary}`,
            padding: wide ? '0 28px' : '0 10px',
            height: 56,
            lineHeight: 'normal',
            display: 'flex',
            alignItems: 'center',
            gap: 8,
            position: 'sticky',
            top: 0,
            zIndex: 20,
          }}
        >
          {!wide && (
            <Button
              type="text"
              aria-label="Open the menu"
              icon={<MenuOutlined />}
              onClick={() => setOpen(true)}
            />
          )}
          {who.operator && (
            <Pick
              noun="customers"
              label="Customer"
              all="All customers"
              value={who.customer}
              style={{ width: wide ? 260 : 180, flex: '0 1 auto', minWidth: 0 }}
              onChange={(id) => change({ customer: id })}
            />
          )}
          <div style={{ flex: 1 }} />
          <Tooltip title={why}>
            <span role="status" style={{ whiteSpace: 'nowrap', fontSize: 13 }}>
              <Badge status={badge} text={wide ? word : undefined} />
            </span>
          </Tooltip>
          <Dropdown
            trigger={['click']}
            menu={{
              items: [
                choice<Theme>(
                  'theme',
                  'Colours',
                  prefs.theme,
                  [
                    ['system', 'As the system'],
                    ['light', 'Light'],
                    ['dark', 'Dark'],
                  ],
                  (v) => setPrefs({ theme: v }),
                ),
                choice<Units>(
                  'units',
                  'Sizes',
                  prefs.units,
                  [
                    ['decimal', 'kB, MB, GB (1000)'],
                    ['binary', 'KiB, MiB, GiB (1024)'],
                  ],
                  (v) => setPrefs({ units: v }),
                ),
              ],
            }}
          >
            <Button type="text" aria-label="Appearance" icon={<BulbOutlined />} />
          </Dropdown>
          {wide && (
            <Button
              type="text"
              aria-label="Keyboard help"
              icon={<QuestionCircleOutlined />}
              onClick={showHelp}
            />
          )}
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
                { key: 'out', label: 'Log out', icon: <LogoutOutlined />, onClick: () => void logOut() },
              ],
            }}
          >
            <Button ref={account} type="text" icon={<UserOutlined />} aria-label={`${who.name}: account`}>
              {wide ? who.name : null}
            </Button>
          </Dropdown>
        </Ant.Header>
        <Ant.Content id="main" tabIndex={-1} style={{ outline: 'none' }} key={prefs.units}>
          {children}
        </Ant.Content>
      </Ant>
      {password && <SetPassword user={who} own onClose={() => setPassword(false)} />}
      <Dialog open={help} title="Keyboard" footer={null} onCancel={() => setHelp(false)}>
        <table style={{ borderSpacing: '0 8px' }}>
          <tbody>
            <tr>
              <td style={{ paddingRight: 20 }}>
                <kbd>/</kbd>
              </td>
              <td>search in this room</td>
            </tr>
            <tr>
              <td>
                <kbd>?</kbd>
              </td>
              <td>this help</td>
            </tr>
            <tr>
              <td>
                <kbd>Esc</kbd>
              </td>
              <td>close a dialog or drawer</td>
            </tr>
            {rooms.map((r) => (
              <tr key={r.path}>
                <td>
                  <kbd>g</kbd> <kbd>{r.letter}</kbd>
                </td>
                <td>{r.name}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Dialog>
    </Ant>
  );
}
