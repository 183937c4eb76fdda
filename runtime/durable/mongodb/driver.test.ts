import test from 'ava'
import { storeError } from '../errors.ts'
import {
  MongoClient,
  type MongoError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoRuntimeError,
  MongoServerError,
} from './bundled-driver.ts'
import { isPassing, mongodbError } from './driver.ts'

const server = (code: number): MongoError => new MongoServerError({ message: 'no', code })

test('a broken connection, and a server that gives up its role, may be tried again, whoever says so', (t) => {
  const broken = Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' })
  for (const error of [
    broken,
    new MongoNetworkError('x'),
    new MongoNetworkTimeoutError('x'),
    server(10_107),
    server(43),
  ]) {
    t.true(isPassing(error), error.message)
    t.like(mongodbError('url', error), { code: 'STORE_UNREACHABLE', cause: error })
  }
  for (const error of [server(11_000), server(13), new MongoRuntimeError('x'), new TypeError('x'), 'x', undefined])
    t.false(isPassing(error))
})

test('an error of the driver becomes one with a code, and others stay as they are', (t) => {
  t.like(mongodbError('url', server(18)), {
    code: 'STORE_UNAUTHORIZED',
    message: 'the server of url refuses this user: no',
  })
  t.like(mongodbError('url', server(14_031)), { code: 'STORE_FULL' })
  const atHandshake = server(8000)
  atHandshake.addErrorLabel('HandshakeError')
  t.like(mongodbError('url', atHandshake), { code: 'STORE_UNAUTHORIZED' })
  t.like(mongodbError('url', server(8000)), { code: 'STORE_FULL' }, 'over its quota')
  t.like(mongodbError('url', server(1)), { code: 'STORE_SERVER' })
  for (const error of [new TypeError('x'), storeError('STORE_CLOSED')]) t.is(mongodbError('url', error), error)
})

test("a stack of the bundled driver names the driver's own functions", (t) => {
  const { stack = '' } = t.throws(() => new MongoClient('mongodb://')) ?? {}
  for (const name of [/at new _?ConnectionString/, /at parseOptions/, /at new MongoClient/]) t.regex(stack, name)
})
