import test from 'ava'
import { editableStates, jobStates, type Mover, moveJob, statesBefore } from './job-states.ts'

const permitted: Readonly<Record<Mover, readonly string[]>> = {
  person: [
    'ready → starting',
    'starting → stopping',
    'deploying → stopping',
    'running → stopping',
    'running → applying',
    'completed → starting',
    'failed → starting',
    'terminated → starting',
  ],
  controller: [
    'starting → deploying',
    'starting → failed',
    'starting → terminated',
    'deploying → running',
    'deploying → failed',
    'deploying → terminated',
    'running → completed',
    'running → failed',
    'running → terminated',
    'applying → running',
    'applying → completed',
    'applying → failed',
    'applying → terminated',
    'stopping → terminated',
  ],
}

for (const mover of ['person', 'controller'] as const)
  test(`a ${mover} moves a job as the table of states says, and no other way`, (t) => {
    const found = jobStates.flatMap((from) =>
      jobStates.filter((to) => moveJob({ state: from }, mover, to)).map((to) => `${from} → ${to}`),
    )
    t.deepEqual(found.toSorted(), permitted[mover].toSorted())
  })

test('a start and an end are stamped, nothing else', (t) => {
  const stamps = jobStates.map((to) => [to, statesBefore('controller', to).concat(statesBefore('person', to))] as const)
  for (const [to, froms] of stamps)
    for (const from of froms) {
      const moved = moveJob({ state: from }, 'controller', to) ?? moveJob({ state: from }, 'person', to)
      const expected =
        to === 'starting' ? ['startedAt'] : ['completed', 'failed', 'terminated'].includes(to) ? ['endedAt'] : []
      t.deepEqual(moved?.stamps, expected, `${from} → ${to}`)
    }
  t.deepEqual(statesBefore('person', 'stopping'), ['starting', 'deploying', 'running'])
  t.deepEqual(editableStates, ['ready', 'completed', 'failed', 'terminated'])
})
