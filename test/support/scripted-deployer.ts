import type { DeployableJob, Deployer, DeploymentMessage, DeploymentReport } from '../../actors/index.ts'

/** A deployment whose tasks a test plays. */
export interface ScriptedDeployment {
  readonly job: DeployableJob
  /** What it was told, by its type. */
  readonly told: readonly DeploymentMessage['type'][]
  report(report: DeploymentReport): void
  /** Reports a state of the task of an end. */
  task(end: string, state: 'running' | 'completed' | 'failed' | 'terminated', log?: string): void
  /** It stops by itself; by a fault, if there is a cause. */
  end(cause?: unknown): void
}

/** A deployer that does nothing by itself, but for ending its deployments when they are told to stop. */
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
