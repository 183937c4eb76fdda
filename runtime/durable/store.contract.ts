import { blobContract } from './contract/blobs.contract.ts'
import { documentContract } from './contract/documents.contract.ts'
import { journalContract } from './contract/journals.contract.ts'
import { lifeContract } from './contract/life.contract.ts'
import { modelContract } from './contract/model.contract.ts'
import { snapshotContract } from './contract/snapshots.contract.ts'
import type { Declare, OpenStore } from './contract/store-under-test.ts'

/** The contract of every Store. Each adapter's test file calls this with its own way to open a new, empty store. */
export function storeContract(test: Declare, open: OpenStore): void {
  snapshotContract(test, open)
  journalContract(test, open)
  documentContract(test, open)
  blobContract(test, open)
  lifeContract(test, open)
  modelContract(test, open)
}
