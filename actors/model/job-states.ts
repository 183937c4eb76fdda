export const jobStates = [
  'ready',
  'starting',
  'deploying',
  'running',
  'applying',
  'stopping',
  'completed',
  'failed',
  'terminated',
] as const
export type JobStateName = (typeof jobStates)[number]

/** States that a person may ask for. */
export const askedStates = ['starting', 'stopping', 'applying'] as const
export type AskedState = (typeof askedStates)[number]

/** A mover of jobs: a person by a request, the controller by the states of tasks. */
export type Mover = 'person' | 'controller'

type Moves = Readonly<Record<JobStateName, Readonly<Record<Mover, readonly JobStateName[]>>>>

/** The states into which each mover may bring a job, by the present state. */
const moves: Moves = {
  ready: { person: ['starting'], controller: [] },
  starting: { person: ['stopping'], controller: ['deploying', 'failed', 'terminated'] },
  deploying: { person: ['stopping'], controller: ['running', 'failed', 'terminated'] },
  running: { person: ['stopping', 'applying'], controller: ['completed', 'failed', 'terminated'] },
  applying: { person: [], controller: ['running', 'completed', 'failed', 'terminated'] },
  stopping: { person: [], controller: ['terminated'] },
  completed: { person: ['starting'], controller: [] },
  failed: { person: ['starting'], controller: [] },
  terminated: { person: ['starting'], controller: [] },
}

/** States in which no task of a job runs, and the job doesn't start by itself. */
export const endedNames: readonly JobStateName[] = ['completed', 'failed', 'terminated']

/** States in which a job may be changed and deleted. */
export const editableStates: readonly JobStateName[] = ['ready', ...endedNames]

/** Whether a job has been started and hasn't ended. */
export function isUnderWay(state: JobStateName): boolean {
  return !editableStates.includes(state)
}

/** Moves a job to a state. `stamps`: times to be set. Undefined if the mover may not move the job there. */
export function moveJob(
  from: { readonly state: JobStateName },
  by: Mover,
  to: JobStateName,
): { readonly state: JobStateName; readonly stamps: readonly ('startedAt' | 'endedAt')[] } | undefined {
  if (!moves[from.state][by].includes(to)) return undefined
  const ended = endedNames.includes(to)
  return { state: to, stamps: to === 'starting' ? ['startedAt'] : ended ? ['endedAt'] : [] }
}

/** The states from which a mover may bring a job into this state. */
export function statesBefore(by: Mover, to: JobStateName): JobStateName[] {
  return states.filter((state) => moves[state][by].includes(to))
}

const states = Object.keys(moves).filter((name): name is JobStateName => name in moves)
