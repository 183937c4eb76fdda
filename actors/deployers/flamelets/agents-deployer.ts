import type { ActorRef, Store } from '../../../runtime/index.ts'
import type { TrustedAdmins } from '../../catalogue/compute-trust.ts'
import type { NotifierMessage } from '../../notifier/notifier.ts'
import type { Deployer } from '../deployer.ts'
import { type AgentsDeploymentMessage, agentsDeployment } from './agents-deployment.ts'

export interface AgentsParts {
  readonly store: Store
  readonly notifier: ActorRef<NotifierMessage>
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  /** As the catalogue's. */
  readonly computeAdmins?: TrustedAdmins
  /** How often it looks how far computes have come, which any server on the store may have been told. Default: 500. */
  readonly lookAgainMs?: number
  /** How long computes may take to say that agents are there, or can't be. Default: 600,000. */
  readonly placementMs?: number
  /** How long agents that were told to stop may take to say that they have. Default: 30,000. */
  readonly stopGraceMs?: number
}

/**
 * Runs tasks by agents: those that the deployers of registered computes start, and, where a task's compute is `default` and
 * none is registered under that name, by whoever holds the task's key.
 */
export function agentsDeployer(parts: AgentsParts): Deployer {
  return {
    deployment: (job, reports) => (context) => {
      const agents = context.spawn<AgentsDeploymentMessage>(
        'agents',
        agentsDeployment(job, reports, parts, () => context.stop()),
        { supervise: { type: 'escalate' } },
      )
      return (message) => agents.tell(message)
    },
  }
}
