import type { Behavior } from '../../../runtime/index.ts'
import type { ComputeCommand } from '../../protocol.ts'
import type { Collections } from '../../records/collections.ts'
import type { CatalogueParts } from '../../records/parts.ts'
import { answer } from '../../requests/requests.ts'
import { registerCompute, removeCompute, updateCompute } from '../computes.ts'
import { reportDeployment } from '../deployments.ts'

/** Changes computes, one command at a time. */
export function computeWriter(collections: Collections, parts: CatalogueParts): Behavior<ComputeCommand> {
  return () => (message) => {
    switch (message.type) {
      case 'register-compute':
        return answer(message, () =>
          registerCompute(collections, parts, message.registration, message.byAdmin ?? false),
        )
      case 'update-compute':
        return answer(message, () =>
          updateCompute(
            collections,
            parts,
            message.compute,
            message.key,
            message.spec,
            message.byAdmin ?? false,
            message.context,
          ),
        )
      case 'remove-compute':
        return answer(message, () => removeCompute(collections, message.compute, message.key, message.context))
      case 'report-deployment':
        return answer(message, () =>
          reportDeployment(collections, parts, message, message.job, message.status, message.context),
        )
    }
  }
}
