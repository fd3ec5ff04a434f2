/** How each platform sends its first error: the client unchanged, given a DSN. */
export type Platform = { name: string; install: string; code: string }

export function platforms(dsn: string): Platform[] {
  return [
    { name: 'Python', install: 'pip install sentry-sdk', code: `import sentry_sdk\n\nsentry_sdk.init(dsn="${dsn}", release="web@1.0.0")\n\n1 / 0` },
    { name: 'Django', install: 'pip install "sentry-sdk[django]"', code: `# settings.py\nimport sentry_sdk\n\nsentry_sdk.init(dsn="${dsn}", release="web@1.0.0")` },
    { name: 'Flask', install: 'pip install "sentry-sdk[flask]"', code: `import sentry_sdk\n\nsentry_sdk.init(dsn="${dsn}")\napp = Flask(__name__)\n\n@app.get("/fail")\ndef fail():\n    1 / 0` },
    { name: 'Browser', install: 'npm install @sentry/browser', code: `import * as Sentry from '@sentry/browser'\n\nSentry.init({ dsn: '${dsn}', release: 'web@1.0.0' })\n\nSentry.captureException(new Error('first'))` },
    { name: 'Node', install: 'npm install @sentry/node', code: `const Sentry = require('@sentry/node')\n\nSentry.init({ dsn: '${dsn}', release: 'web@1.0.0' })\n\nSentry.captureException(new Error('first'))` },
    { name: 'React', install: 'npm install @sentry/react', code: `import * as Sentry from '@sentry/react'\n\nSentry.init({ dsn: '${dsn}', release: 'web@1.0.0' })\n\n// around the app\n<Sentry.ErrorBoundary fallback={<p>Something failed.</p>}><App /></Sentry.ErrorBoundary>` },
    { name: 'Ruby', install: 'gem install sentry-ruby', code: `require 'sentry-ruby'\n\nSentry.init { |config| config.dsn = '${dsn}' }\n\nSentry.capture_exception(RuntimeError.new('first'))` },
    { name: 'PHP', install: 'composer require sentry/sentry', code: `\\Sentry\\init(['dsn' => '${dsn}']);\n\n\\Sentry\\captureException(new \\Exception('first'));` },
    { name: 'Java', install: 'implementation("io.sentry:sentry:8.+")', code: `import io.sentry.Sentry;\n\nSentry.init(options -> options.setDsn("${dsn}"));\n\nSentry.captureException(new RuntimeException("first"));` },
    { name: 'Go', install: 'go get github.com/getsentry/sentry-go', code: `import "github.com/getsentry/sentry-go"\n\nsentry.Init(sentry.ClientOptions{Dsn: "${dsn}"})\ndefer sentry.Flush(2 * time.Second)\n\nsentry.CaptureException(errors.New("first"))` },
    { name: 'Rust', install: 'cargo add sentry', code: `let _guard = sentry::init(("${dsn}", sentry::ClientOptions::new().release("web@1.0.0")));\n\nsentry::capture_message("first", sentry::Level::Error);` },
    { name: '.NET', install: 'dotnet add package Sentry', code: `using Sentry;\n\nusing var sentry = SentrySdk.Init(options => options.Dsn = "${dsn}");\n\nSentrySdk.CaptureException(new Exception("first"));` },
  ]
}
