import test from 'ava'
import { type MongodbServer, mongodbServer } from '../support/mongodb-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { bodyConformance } from './bodies.ts'
import { computeConformance } from './computes.ts'
import { datasetConformance } from './datasets.ts'
import { designConformance } from './designs.ts'
import { jobConformance } from './jobs.ts'
import { lifecycleConformance } from './lifecycle.ts'
import { Coverage, type DeclareTest, type EmptyStore, openStage } from './stage.ts'

let mongodb: MongodbServer

test.before(async () => {
  mongodb = await mongodbServer()
})
test.after.always(() => mongodb?.[Symbol.asyncDispose]())

const stores: Readonly<Record<string, () => Promise<EmptyStore>>> = {
  async lmdb() {
    const folder = await temporaryFolder()
    return { setting: { type: 'lmdb', folder: folder.path }, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] }
  },
  async mongodb() {
    // The data of a server in memory ends with the server.
    return { setting: { type: 'mongodb', url: mongodb.url() }, async [Symbol.asyncDispose]() {} }
  },
}

for (const [name, emptyStore] of Object.entries(stores)) {
  const coverage = new Coverage()
  const open = async () => openStage(await emptyStore(), coverage)
  const declare: DeclareTest = (title, run) => test(`${title} (${name})`, run)
  designConformance(declare, open)
  datasetConformance(declare, open)
  jobConformance(declare, open)
  computeConformance(declare, open)
  lifecycleConformance(declare, open)
  bodyConformance(declare, open)

  test.after(`every operation succeeded and refused (${name})`, (t) => {
    t.deepEqual(coverage.without(200, 299), [])
    t.deepEqual(coverage.without(400, 499), [])
  })
}
