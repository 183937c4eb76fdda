import type { ActorRef } from '../../../runtime/index.ts'
import type { Deployer } from '../../deployers/deployer.ts'
import type { JobSpecification } from '../../model/job.ts'

/** A job that wants to be deployed. */
export interface SlotRequest {
  readonly deployer: Deployer
  readonly priority: NonNullable<JobSpecification['priority']>
  /** When the job was started, as RFC 3339. Of jobs of the same priority the first started gets the first slot. */
  readonly startedAt: string
  /** The job's actor, which is told once the job has a slot: at once, if a slot is free. */
  readonly job: ActorRef<{ readonly type: 'slot-given' }>
}

/** The slots of each deployer. A job has one slot from its deployment to its end. */
export interface JobSlots {
  /** Queues for a slot. The returned function gives the slot back, or leaves the queue. */
  request(request: SlotRequest): () => void
  /** Takes a slot for a job that runs already, even if no slot is free. The returned function gives the slot back. */
  take(deployer: Deployer): () => void
}

const ranks = { high: 0, medium: 1, low: 2 } as const

export function jobSlots(): JobSlots {
  const taken = new Map<Deployer, Set<object>>()
  let queue: SlotRequest[] = []

  const takenOf = (deployer: Deployer) => {
    const present = taken.get(deployer) ?? new Set()
    taken.set(deployer, present)
    return present
  }
  const giveNext = () => {
    for (const request of queue) {
      const { deployer } = request
      const present = takenOf(deployer)
      if (present.size >= (deployer.slots ?? Number.POSITIVE_INFINITY)) continue
      present.add(request)
      queue = queue.filter((other) => other !== request)
      request.job.tell({ type: 'slot-given' })
    }
  }
  const giveBack = (deployer: Deployer, slot: object) => () => {
    if (takenOf(deployer).delete(slot)) giveNext()
  }

  return {
    request(request) {
      queue = [...queue, request].toSorted(before)
      giveNext()
      const back = giveBack(request.deployer, request)
      return () => {
        queue = queue.filter((other) => other !== request)
        back()
      }
    },
    take(deployer) {
      const slot = {}
      takenOf(deployer).add(slot)
      return giveBack(deployer, slot)
    },
  }
}

function before(a: SlotRequest, b: SlotRequest): number {
  return ranks[a.priority] - ranks[b.priority] || (a.startedAt < b.startedAt ? -1 : Number(a.startedAt > b.startedAt))
}
