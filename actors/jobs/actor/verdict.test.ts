import test from 'ava'
import type { JobStateName } from '../../model/job-states.ts'
import { countsByRole, verdictOf } from './verdict.ts'

function tasks(roles: Readonly<Record<string, readonly JobStateName[]>>) {
  const counts = countsByRole()
  for (const [role, states] of Object.entries(roles))
    for (const state of states) {
      counts.change({ role, state: 'ready' }, undefined)
      counts.change({ role, state }, { role, state: 'ready' })
    }
  return counts.roles
}

const table: readonly [string, Readonly<Record<string, readonly JobStateName[]>>, ReturnType<typeof verdictOf>][] = [
  ['a task runs', { top: ['running'], leaf: ['completed', 'completed'] }, undefined],
  ['a task has yet to run', { top: ['completed'], leaf: ['completed', 'ready'] }, undefined],
  ['all completed', { top: ['completed'], leaf: ['completed', 'completed'] }, { state: 'completed' }],
  ['each role has one completed', { top: ['completed'], leaf: ['failed', 'completed'] }, { state: 'completed' }],
  [
    'one role failed whole while others run',
    { top: ['running'], leaf: ['failed', 'failed'] },
    { state: 'failed', role: 'leaf', allFailed: true },
  ],
  [
    'a single task failed that is a role by itself',
    { top: ['failed'], leaf: ['running', 'ready'] },
    { state: 'failed', role: 'top', allFailed: true },
  ],
  [
    'none runs, and a role has none completed',
    { top: ['completed'], leaf: ['failed', 'terminated'] },
    { state: 'failed', role: 'leaf', allFailed: false },
  ],
  ['one failed and another runs', { top: ['running'], leaf: ['failed', 'running'] }, undefined],
]
for (const [title, roles, expected] of table)
  test(`of tasks of which ${title}`, (t) => t.deepEqual(verdictOf(tasks(roles)), expected))
