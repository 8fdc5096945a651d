// The folder that is looked at, and the way up.
import { t } from '@lingui/core/macro';
import { Button } from 'antd';
import { crumbs, type Place, visible } from '../lib/path';

export function Trail({ folder, root, onOpen }: { folder: Place; root: string; onOpen: (f: Place) => void }) {
  const trail = crumbs(folder);
  return (
    <nav className="crumbs" aria-label={t`Folder`}>
      {trail.map((c, i) => {
        const name = i === 0 ? root : visible(c.name);
        return i === trail.length - 1 ? (
          <b key={c.path}>{name}</b>
        ) : (
          <span key={c.path}>
            <Button type="link" size="small" style={{ padding: '0 4px' }} onClick={() => onOpen(c)}>
              {name}
            </Button>
            /
          </span>
        );
      })}
    </nav>
  );
}
