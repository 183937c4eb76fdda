import test from 'ava'
import { asking, type ControlPlaneMessage } from '../../actors/index.ts'
import { actorSystem } from '../../runtime/index.ts'
import { openLog } from '../log.ts'
import { auditTrail } from './audit-trail.ts'

test('a trail has settled once the ends that were being written are written', async (t) => {
  const system = actorSystem()
  let noted = (_write: () => void) => {}
  const writing = new Promise<() => void>((resolve) => {
    noted = resolve
  })
  const plane = system.spawn<ControlPlaneMessage>('plane', () => (message) => {
    if (message.type === 'note-asked') message.replyTo.tell({ type: 'done', value: 1 })
    else if (message.type === 'note-ends') noted(() => message.replyTo.tell({ type: 'done', value: null }))
    else if (message.type === 'keep-refusals') message.replyTo.tell({ type: 'done', value: null })
  })
  const trail = auditTrail(asking(system, plane, { timeoutMs: 10_000 }), openLog({ level: 'silent' }))
  trail.joined({ node: 'n', incarnation: 1, address: '127.0.0.1' })
  const written = await writing
  let hasSettled = false
  const settled = trail.settled().then(() => {
    hasSettled = true
  })
  await system.idle()
  t.false(hasSettled)
  written()
  await settled
  await system.terminate()
})
