// Why a file was left, for people: what it means and what to do. Names are those of src/agent/stub/stub.h, src/base/result.h
// and of what plans add (src/server/inventory/plan_sql.c, src/server/service/plan_ask.c); a test holds them to it.
import { words } from './format';

const TEXTS: Record<string, string> = {
  gone: 'It was moved or deleted since the scan.',
  unknown_to_inventory: 'No scan has seen it. Scan the volume if it is there.',
  nothing_to_bring_back:
    'The host has no such file, and no placeholder of it. Of a folder that was renamed since the last scan: scan the volume first.',
  not_a_file: 'Only plain files are moved, never links or devices.',
  open_elsewhere: 'A program has it open. The next run takes it.',
  changed: 'It changed since the scan or while it was copied, so it is not cold.',
  rule_no_longer_matches: 'Looked at again, the rule does not mean it any more.',
  newer_than_the_date: 'It was made or changed after the date of the plan.',
  earlier_rule: 'A rule before this one decides it.',
  pinned: 'A rule keeps it local.',
  excluded: 'A rule leaves it alone.',
  saves_no_blocks: 'It is so small that moving it would not save room.',
  hard_linked: 'It has several names; a stub would change them all.',
  no_access_record:
    'Audit logs do not tell of accesses for as long as the rule asks, so nobody can say that it is cold.',
  pinned_in_lucidlink: 'Somebody pinned it in LucidLink.',
  sparse: 'It has holes of its own, which a stub could not tell from missing data.',
  immutable: 'It is marked immutable.',
  append_only: 'It is marked append-only.',
  fs_verity: 'The file system guards its content (fs-verity).',
  fscrypt: 'It is encrypted by the file system.',
  dax: 'It is mapped straight from memory (DAX).',
  swap_file: 'The system swaps to it.',
  already_archived: 'It is archived already; a placeholder stands in its place.',
  is_placeholder: "It is a placeholder itself, or a file of Alto's own.",
  exists_placeholder: 'A file of its name with .alto behind it is there already. Rename that one.',
  name_too_long: 'Its name is too long, for .alto behind it or for the share.',
  read_only_folder: 'Its folder may not be changed by the agent.',
  no_room: 'There is no room for a placeholder or a stub: the disk or a quota is full.',
  compressed: 'NTFS keeps it compressed; it would come back larger than it was.',
  offline: 'Another product keeps its content elsewhere already.',
  reparse_point: 'Another product manages it, or it is the stub of another agent.',
  rights_not_kept:
    'Its owner, rights or named streams could not be given to a stub as they are. See the text of the outcome.',
  already_stub: 'Its data is on the share already.',
  unsupported_volume: 'This volume cannot hold stubs; its state tells why.',
  no_gate: 'The gate does not guard this volume: mount it with mount.alto and see that alto-gate runs.',
  other_filesystem: 'It lies on another file system that is mounted inside the volume.',
  unreadable: 'The host was not allowed to read it.',
  time_out_of_range: 'One of its times lies after the year 2262 or before 1677 and could not be put back.',
  watched_by_others:
    'Another program listens on its filesystem and would read zeros from stubs. Run alto-agent doctor there.',
  part_of_a_share: 'It lies in a folder that is a share of Alto. Keep shares outside of volumes.',
  attributes_too_large: 'Its attributes leave no room for the mark of a stub.',
  unreachable: 'The share or host did not answer. It goes on by itself when it is back.',
  full: 'There is no room on the share.',
  read_only: 'The share may not be written to.',
  wrong_password: 'The share refused name or password: enter them again under Shares.',
  foreign: 'The share belongs to another customer or installation.',
  corrupt: 'What was read is not what was written. The file was left as it is.',
  access_denied: 'The share or the file system refused access.',
  timed_out: 'There was no answer in time. It is tried again.',
  busy: 'Something else holds it just now. The next run takes it.',
  io_error: 'The disk or the share failed while it was read or written; the log of the agent says where.',
  not_supported: 'Its filesystem or the share cannot do what this needs.',
  too_many_open: 'The host has too many files open. It is tried again.',
  stale: 'It was taken away while it was worked on.',
  symlink: 'A symbolic link lies on its path, and none is followed.',
  limit: 'A limit was reached; the text of the outcome names it.',
  cancelled: 'The job was cancelled before it was done.',
  out_of_memory: 'The host has no memory left. The next run takes it.',
  not_a_stub: 'It is no stub, so there is nothing to adopt.',
  copied_stub:
    'The stub was made for another file, by a restore or a copy, and is denied to all readers. If it is right, adopt it: choose it in Files, or alto file adopt.',
};

// The same names where a stub was held against its file: doc/ops/gate.md has the steps.
const STUBS: Record<string, string> = {
  changed:
    'Size or time of the stub were changed. Set them back to keep the old content, or drop the stub and write the file anew.',
  data: 'Somebody wrote into the stub past the gate. Get the object with alto rescue, compare, and keep what is right.',
  forged:
    'The marker is of another volume, or damaged. If the file has its data, drop the marker; else get it with alto rescue.',
  object_missing:
    'Its object is not on the share, or damaged. Restore it there under the same name, then open the stub again.',
  must_wait: 'It could not be judged now, such as while the share is away. Reconcile again later.',
};

/** What a reason or a code means, as far as there is more to say than its name. */
export function explain(name: string, kind?: string): string | undefined {
  return (kind === 'reconcile' ? STUBS[name] : undefined) ?? TEXTS[name];
}

export function reasonName(reason: string | undefined, code: string): string {
  return words(reason || code);
}
