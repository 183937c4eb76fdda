import type { Deployer } from './deployer.ts'
import { controllerError } from './errors.ts'

/** Takes the jobs that no other deployer does: they fail, and say so. */
export function noDeployer(): Deployer {
  return {
    deployment:
      ({ tasks }, reports) =>
      (context) => {
        const computes = [...new Set(tasks.map(({ computeId }) => computeId))].join(', ')
        reports.tell({ type: 'deployment-failed', cause: controllerError('JOB_NO_DEPLOYER', { computes }) })
        return () => context.stop()
      },
  }
}
