// The ways between rooms: at the side where there is room, at the bottom of a phone, and the pages inside of a room above it.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { MenuOutlined, SearchOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { Link } from 'react-router';
import { type Room } from '../lib/rooms';
import { useTo } from '../lib/session';

// Asked for when it is first opened.
const SideMenu = lazy(() => import('./sidemenu'));

function Item({ room, here, onGo }: { room: Room; here: boolean; onGo?: () => void }) {
  const to = useTo();
  return (
    <li>
      <Link to={to(room.path)} aria-current={here ? 'page' : undefined} onClick={onGo}>
        <span aria-hidden="true">{room.icon}</span>
        {room.name}
      </Link>
    </li>
  );
}

/** All rooms. */
export function RoomList({ rooms, here, onGo }: { rooms: Room[]; here?: Room; onGo?: () => void }) {
  return (
    <nav aria-label={t`Rooms`} className="rooms">
      <ul>
        {rooms.map((r) => (
          <Item key={r.path} room={r} here={r === here} onGo={onGo} />
        ))}
      </ul>
    </nav>
  );
}

/** The pages inside of a room. */
export function Inside({ room, at }: { room: Room; at?: string }) {
  const to = useTo();
  if (!room.inside || room.inside.length < 2) return null;
  return (
    <nav aria-label={room.name} className="inside">
      <ul>
        {room.inside.map((i) => (
          <li key={i.path}>
            <Link to={to(i.path)} aria-current={i.path === at ? 'page' : undefined}>
              {i.name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const NEAR = ['/', '/volumes', '/jobs'];

/** On a phone: what is asked for at night, within reach of a thumb; all else behind the last. */
export function BottomBar({
  rooms,
  here,
  brand,
  onFind,
}: {
  rooms: Room[];
  here?: Room;
  brand: ReactNode;
  onFind: () => void;
}) {
  const [menu, setMenu] = useState<'no' | 'open' | 'shut'>('no');
  return (
    <div className="bottombar">
      <nav aria-label={t`Nearest rooms`}>
        <ul>
          {rooms
            .filter((r) => NEAR.includes(r.path))
            .map((r) => (
              <Item key={r.path} room={r} here={r === here} />
            ))}
        </ul>
      </nav>
      <Button type="text" icon={<SearchOutlined aria-hidden />} onClick={onFind}>
        <Trans>Search</Trans>
      </Button>
      <Button
        type="text"
        icon={<MenuOutlined aria-hidden />}
        aria-expanded={menu === 'open'}
        aria-haspopup="dialog"
        className={here && !NEAR.includes(here.path) ? 'here' : undefined}
        onClick={() => setMenu('open')}
      >
        <Trans>Menu</Trans>
      </Button>
      {menu !== 'no' && (
        <Suspense fallback={null}>
          <SideMenu
            rooms={rooms}
            here={here}
            brand={brand}
            open={menu === 'open'}
            onClose={() => setMenu('shut')}
          />
        </Suspense>
      )}
    </div>
  );
}
