// The peer of bench/api_peer.py: Express 5 and better-sqlite3 as their documentation shows them, prepared statement, keyset pages.
import fs from 'node:fs';
import readline from 'node:readline';
import Database from 'better-sqlite3';
import express from 'express';

const [lines, file, port] = process.argv.slice(2);
const db = new Database(file);
db.pragma('journal_mode = WAL');
db.exec('CREATE TABLE IF NOT EXISTS files (id INTEGER PRIMARY KEY, path TEXT, name TEXT, size INTEGER, mode INTEGER, allocated INTEGER, mtime_at TEXT, ' +
  'accessed_at TEXT, uid INTEGER, gid INTEGER, nlink INTEGER, ino TEXT, state TEXT, type TEXT)');
const insert = db.prepare("INSERT INTO files (path, name, size, mode, allocated, mtime_at, accessed_at, uid, gid, nlink, ino, state, type) VALUES " +
  "(?, ?, ?, ?, 0, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 0, 0, 1, '4711', 'resident', 'file')");
db.exec('BEGIN');
for await (const line of readline.createInterface({ input: fs.createReadStream(lines) })) insert.run(JSON.parse(line));
db.exec('COMMIT');

const page = db.prepare('SELECT * FROM files WHERE id > ? ORDER BY id LIMIT ?');
const app = express();
app.get('/files', (req, res) => {
  const limit = Math.min(Number(req.query.limit) || 50, 200);
  const items = page.all(Number(req.query.cursor) || 0, limit);
  res.json({ items, next_cursor: items.length === limit ? String(items[items.length - 1].id) : null });
});
app.listen(Number(port), '127.0.0.1', () => console.log('ready'));
