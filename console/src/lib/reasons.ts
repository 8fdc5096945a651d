// Why a file was left, for people: what it means and what to do. Names are those of src/agent/stub/stub.h, src/base/result.h
// and of what plans add (src/server/inventory/plan_sql.c, src/server/service/plan_ask.c); a test holds them to it.
import { i18n, type MessageDescriptor } from '@lingui/core';
import { msg } from '@lingui/core/macro';
import { words } from './words';

const TEXTS: Record<string, MessageDescriptor> = {
  gone: msg`It was moved or deleted since the scan.`,
  unknown_to_inventory: msg`No scan has seen it. Scan the volume if it is there.`,
  nothing_to_bring_back: msg`The host has no such file, and no placeholder of it. Of a folder that was renamed since the last scan: scan the volume first.`,
  not_a_file: msg`Only plain files are moved, never links or devices.`,
  open_elsewhere: msg`A program has it open. The next run takes it.`,
  changed: msg`It changed since the scan or while it was copied, so it is not cold.`,
  rule_no_longer_matches: msg`Looked at again, the rule does not mean it any more.`,
  newer_than_the_date: msg`It was made or changed after the date of the plan.`,
  earlier_rule: msg`A rule before this one decides it.`,
  pinned: msg`A rule keeps it local.`,
  excluded: msg`A rule leaves it alone.`,
  saves_no_blocks: msg`It is so small that moving it would not save room.`,
  hard_linked: msg`It has several names; a stub would change them all.`,
  no_access_record: msg`Audit logs do not tell of accesses for as long as the rule asks, so nobody can say that it is cold.`,
  pinned_in_lucidlink: msg`Somebody pinned it in LucidLink.`,
  sparse: msg`It has holes of its own, which a stub could not tell from missing data.`,
  immutable: msg`It is marked immutable.`,
  append_only: msg`It is marked append-only.`,
  fs_verity: msg`The file system guards its content (fs-verity).`,
  fscrypt: msg`It is encrypted by the file system.`,
  dax: msg`It is mapped straight from memory (DAX).`,
  swap_file: msg`The system swaps to it.`,
  already_archived: msg`It is archived already; a placeholder stands in its place.`,
  is_placeholder: msg`It is a placeholder itself, or a file of Alto's own.`,
  exists_placeholder: msg`A file of its name with .alto behind it is there already. Rename that one.`,
  name_too_long: msg`Its name is too long, for .alto behind it or for the share.`,
  read_only_folder: msg`Its folder may not be changed by the agent.`,
  no_room: msg`There is no room for a placeholder or a stub: the disk or a quota is full.`,
  compressed: msg`NTFS keeps it compressed; it would come back larger than it was.`,
  offline: msg`Another product keeps its content elsewhere already.`,
  reparse_point: msg`Another product manages it, or it is the stub of another agent.`,
  rights_not_kept: msg`Its owner, rights or named streams could not be given to a stub as they are. See the text of the outcome.`,
  already_stub: msg`Its data is on the share already.`,
  unsupported_volume: msg`This volume cannot hold stubs; its state tells why.`,
  no_gate: msg`The gate does not guard this volume: mount it with mount.alto and see that alto-gate runs.`,
  other_filesystem: msg`It lies on another file system that is mounted inside the volume.`,
  unreadable: msg`The host was not allowed to read it.`,
  time_out_of_range: msg`One of its times lies after the year 2262 or before 1677 and could not be put back.`,
  watched_by_others: msg`Another program listens on its filesystem and would read zeros from stubs. Run alto-agent doctor there.`,
  part_of_a_share: msg`It lies in a folder that is a share of Alto. Keep shares outside of volumes.`,
  attributes_too_large: msg`Its attributes leave no room for the mark of a stub.`,
  unreachable: msg`The share or host did not answer. It goes on by itself when it is back.`,
  full: msg`There is no room on the share.`,
  read_only: msg`The share may not be written to.`,
  wrong_password: msg`The share refused name or password: enter them again under Shares.`,
  foreign: msg`The share belongs to another customer or installation.`,
  corrupt: msg`What was read is not what was written. The file was left as it is.`,
  access_denied: msg`The share or the file system refused access.`,
  timed_out: msg`There was no answer in time. It is tried again.`,
  busy: msg`Something else holds it just now. The next run takes it.`,
  io_error: msg`The disk or the share failed while it was read or written; the log of the agent says where.`,
  not_supported: msg`Its filesystem or the share cannot do what this needs.`,
  too_many_open: msg`The host has too many files open. It is tried again.`,
  stale: msg`It was taken away while it was worked on.`,
  symlink: msg`A symbolic link lies on its path, and none is followed.`,
  limit: msg`A limit was reached; the text of the outcome names it.`,
  cancelled: msg`The job was cancelled before it was done.`,
  out_of_memory: msg`The host has no memory left. The next run takes it.`,
  not_a_stub: msg`It is no stub, so there is nothing to adopt.`,
  copied_stub: msg`The stub was made for another file, by a restore or a copy, and is denied to all readers. If it is right, adopt it: choose it in Files, or alto file adopt.`,
};

// The same names where a stub was held against its file: doc/ops/gate.md has the steps.
const STUBS: Record<string, MessageDescriptor> = {
  changed: msg`Size or time of the stub were changed. Set them back to keep the old content, or drop the stub and write the file anew.`,
  data: msg`Somebody wrote into the stub past the gate. Get the object with alto rescue, compare, and keep what is right.`,
  forged: msg`The marker is of another volume, or damaged. If the file has its data, drop the marker; else get it with alto rescue.`,
  object_missing: msg`Its object is not on the share, or damaged. Restore it there under the same name, then open the stub again.`,
  must_wait: msg`It could not be judged now, such as while the share is away. Reconcile again later.`,
};

/** What a reason or a code means, as far as there is more to say than its name. */
export function explain(name: string, kind?: string): string | undefined {
  const found = (kind === 'reconcile' ? STUBS[name] : undefined) ?? TEXTS[name];
  return found && i18n._(found);
}

export function reasonName(reason: string | undefined, code: string): string {
  return words(reason || code);
}
