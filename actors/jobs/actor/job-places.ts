import type { ActorRef } from '../../../runtime/index.ts'
import type { Deployer } from '../../deployers/deployer.ts'
import type { JobSpecification } from '../../model/job.ts'

/** A job that wants to be deployed. */
export interface PlaceRequest {
  readonly deployer: Deployer
  readonly priority: NonNullable<JobSpecification['priority']>
  /** When the job was started, as RFC 3339. Of jobs of the same priority the first started gets the first place. */
  readonly startedAt: string
  /** The job's actor, which is told once the job has a place: at once, if a place is free. */
  readonly job: ActorRef<{ readonly type: 'place-given' }>
}

/** The places of each deployer. A job has one place from its deployment to its end. */
export interface JobPlaces {
  /** Queues for a place. The returned function gives the place back, or leaves the queue. */
  request(request: PlaceRequest): () => void
  /** Takes a place for a job that runs already, even if no place is free. The returned function gives the place back. */
  take(deployer: Deployer): () => void
}

const ranks = { high: 0, medium: 1, low: 2 } as const

export function jobPlaces(): JobPlaces {
  const taken = new Map<Deployer, Set<object>>()
  let queue: PlaceRequest[] = []

  const takenOf = (deployer: Deployer) => {
    const present = taken.get(deployer) ?? new Set()
    taken.set(deployer, present)
    return present
  }
  const giveNext = () => {
    for (const request of queue) {
      const { deployer } = request
      const present = takenOf(deployer)
      if (present.size >= (deployer.places ?? Number.POSITIVE_INFINITY)) continue
      present.add(request)
      queue = queue.filter((other) => other !== request)
      request.job.tell({ type: 'place-given' })
    }
  }
  const giveBack = (deployer: Deployer, place: object) => () => {
    if (takenOf(deployer).delete(place)) giveNext()
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
      const place = {}
      takenOf(deployer).add(place)
      return giveBack(deployer, place)
    },
  }
}

function before(a: PlaceRequest, b: PlaceRequest): number {
  return ranks[a.priority] - ranks[b.priority] || (a.startedAt < b.startedAt ? -1 : Number(a.startedAt > b.startedAt))
}
