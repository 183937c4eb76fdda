import test from 'ava'
import { mlflowAddress } from './mlflow-address.ts'

test('an address has a server, maybe with a path, and a prefix of names', (t) => {
  t.deepEqual(mlflowAddress('mlflow:http://127.0.0.1:5000'), {
    server: 'http://127.0.0.1:5000',
    prefix: '',
    location: 'mlflow:http://127.0.0.1:5000',
  })
  t.like(mlflowAddress('mlflow:https://ml.example.org/tracking/?prefix=team-'), {
    server: 'https://ml.example.org/tracking',
    prefix: 'team-',
  })
})

test('a user comes from the address, or from the settings: a name with a password, or a token', (t) => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  const named = mlflowAddress('mlflow:http://ann:p%40ss%20w%C3%B6rd@127.0.0.1', { name: 'bob', password: 'x' })
  t.is(named.authorization, basic('ann:p@ss wörd'))
  t.false(`${named.server} ${named.location}`.includes('ann'))
  t.is(mlflowAddress('mlflow:http://127.0.0.1', { name: 'bob', password: 'x' }).authorization, basic('bob:x'))
  t.is(mlflowAddress('mlflow:http://127.0.0.1', { token: 'abc' }).authorization, 'Bearer abc')
})

test('a wrong address is refused with its fault, and without its credentials', (t) => {
  const cases = [
    ['http://127.0.0.1', /no address that begins with mlflow:/],
    ['mlflow:ftp://ann:hidden@x', /not followed by http/],
    ['mlflow:http://ann:hidden@127.0.0.1?token=hidden', /unknown parameter token/],
    ["mlflow:http://127.0.0.1?prefix='", /its prefix has other characters/],
  ] as const
  for (const [given, message] of cases) {
    const error = t.throws(() => mlflowAddress(given), { code: 'REGISTRY_ADDRESS', message })
    t.false(`${error?.stack}`.includes('hidden'))
  }
})
