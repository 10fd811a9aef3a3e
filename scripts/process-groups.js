// The processes that a test file started: found by their process group, and by a mark in their
// environment, which children that moved to a group of their own have inherited too.
import { readdirSync, readFileSync } from 'node:fs';

/**
 * The living processes of a group or with a mark, as `pid name`; zombies are dead. Empty where
 * there is no /proc: there the group can be ended but not listed.
 * @param {number} group
 * @param {string} mark a `NAME=value` of the environment
 * @returns {string[]}
 */
export function membersOf(group, mark) {
  if (process.platform !== 'linux') return [];
  const members = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = read(`/proc/${pid}/stat`);
    // proc(5): pid (name) state ppid pgrp …; the name may hold blanks and parentheses.
    const [state = 'X', , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const isOurs =
      Number(pgrp) === group || read(`/proc/${pid}/environ`).split('\0').includes(mark);
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    if (isOurs && !'ZX'.includes(state)) members.push(`${pid} ${name}`);
  }
  return members;
}

/** @param {string} path a process that has ended, or that is another user's, reads as nothing */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Kills a process group and every process with the mark; those that are gone are no error.
 * @param {number} group
 * @param {string} mark
 */
export function killMembers(group, mark) {
  const pids = membersOf(group, mark).map((member) => Number.parseInt(member, 10));
  for (const pid of [process.platform === 'win32' ? group : -group, ...pids]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
    }
  }
}
