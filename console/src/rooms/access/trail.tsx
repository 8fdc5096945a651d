// The folder that is looked at, and the way up.
import { Button } from 'antd';
import { crumbs, type Place, visible } from '../../lib/path';

export function FolderTrail({ folder, onOpen }: { folder: Place; onOpen: (f: Place) => void }) {
  if (folder.path === '/') return null;
  const trail = crumbs(folder);
  return (
    <nav className="crumbs" aria-label="Folder">
      {trail.map((c, i) =>
        i === trail.length - 1 ? (
          <b key={c.path}>{visible(c.name)}</b>
        ) : (
          <span key={c.path}>
            <Button type="link" size="small" onClick={() => onOpen(c)}>
              {i === 0 ? 'the whole volume' : visible(c.name)}
            </Button>
            /
          </span>
        ),
      )}
    </nav>
  );
}
