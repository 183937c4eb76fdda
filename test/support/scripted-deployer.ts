import type { DeployableJob, Deployer, DeploymentMessage, DeploymentReport } from '../../actors/index.ts'

/** A deployment whose reports a test makes. */
export interface ScriptedDeployment {
  readonly job: DeployableJob
  /** Types of the messages that the deployment was told. */
  readonly told: readonly DeploymentMessage['type'][]
  report(report: DeploymentReport): void
  /** Reports a state of the task of an end. */
  task(end: string, state: 'running' | 'completed' | 'failed' | 'terminated', log?: string): void
  /** Stops the deployment; with a cause, by a fault. */
  end(cause?: unknown): void
}

/** A deployer that does nothing by itself, except that its deployments end when told to stop (`stops`). */
export function scriptedDeployer({
  slots,
  stops = true,
}: {
  readonly slots?: number
  readonly stops?: boolean
} = {}): Deployer & { readonly deployments: ScriptedDeployment[] } {
  const deployments: ScriptedDeployment[] = []
  return {
    ...(slots === undefined ? {} : { slots }),
    deployments,
    deployment: (job, reports) => (context) => {
      const told: DeploymentMessage['type'][] = []
      deployments.push({
        job,
        told,
        report: (report) => reports.tell(report),
        task(end, state, log) {
          const task = job.tasks.find((candidate) => candidate.end === end)?.taskId ?? ''
          reports.tell({ type: 'task-status', task, status: { state, ...(log === undefined ? {} : { log }) } })
        },
        end: (cause) => (cause === undefined ? context.stop() : context.fail(cause)),
      })
      return ({ type }) => {
        told.push(type)
        if (type === 'stop' && stops) context.stop()
      }
    },
  }
}
