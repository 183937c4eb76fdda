import test from 'ava'
import { s3Address } from './s3-address.ts'

test('an address without a server is that of Amazon in the region, by host, or by path for a bucket with dots', (t) => {
  t.like(s3Address('s3://models'), {
    prefix: '',
    origin: 'https://models.s3.us-east-1.amazonaws.com',
    path: '',
    location: 's3://models',
  })
  t.like(s3Address('s3://models/a/b/', 'eu-west-1'), {
    prefix: 'a/b/',
    origin: 'https://models.s3.eu-west-1.amazonaws.com',
    location: 's3://models/a/b',
  })
  t.like(s3Address('s3://my.models?region=eu-west-1'), {
    origin: 'https://s3.eu-west-1.amazonaws.com',
    path: '/my.models',
  })
})

test('an address of another server names buckets by path, or by host where the address says so', (t) => {
  const endpoint = 'http://127.0.0.1:9000/storage/'
  t.like(s3Address(`s3://models/x?endpoint=${encodeURIComponent(endpoint)}`), {
    origin: 'http://127.0.0.1:9000',
    path: '/storage/models',
    location: 's3://models/x at 127.0.0.1:9000',
  })
  t.like(s3Address('s3://models?endpoint=https://s3.example.org&style=host'), {
    origin: 'https://models.s3.example.org',
    path: '',
  })
})

test('a wrong address is refused with its fault, and without its credentials', (t) => {
  const cases = [
    ['http://models', /no address that begins with s3:/],
    ['s3://user:hidden@models', /has credentials/],
    ['s3://models?endpoint=http://user:hidden@127.0.0.1', /endpoint has credentials/],
    ['s3://models?secret=hidden', /unknown parameter secret/],
    ['s3://Not_A_Bucket', /no name of a bucket/],
    ['s3://models?endpoint=ftp://x', /endpoint is no address/],
    ['s3://models?style=odd', /style is "odd"/],
    ['s3://models/%ff', /path/],
  ] as const
  for (const [given, message] of cases) {
    const error = t.throws(() => s3Address(given), { code: 'REGISTRY_ADDRESS', message })
    t.false(`${error?.stack}`.includes('hidden'))
  }
})
