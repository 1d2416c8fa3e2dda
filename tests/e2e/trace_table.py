"""The one table of spans: what each story leaves in Jaeger, from its root to the last thing that it caused.

A line is a span, its service, kind and name; below it, further to the right, stands what it is the parent of. An edge
between two services crosses HTTP, the broker or an outbox, so the edges include those that nobody waits for.

What is in the table is in the trace in that place and exactly so often, and nothing else is. Statements of SQL are the
exception: beside those of the table there may be others, as they are nobody's edge, and as each caller of a group
commit is told of all its statements. An attempt that is not the first says so: waiting for the model spends none, and
a replay begins anew.
"""

STORIES = {
    "triageTicket": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation triageTicket
            gateway CLIENT INSERT idempotency_keys tickets outbox
            gateway PRODUCER push ticketChanged
            gateway PRODUCER publish triage.triage_ticket.v1
              triage CONSUMER process triage.triage_ticket.v1
                triage CLIENT SELECT ticket_terms tickets
                triage CLIENT SELECT ticket_terms tickets
                triage INTERNAL engine classify
                triage CLIENT INSERT inbox tickets outbox ticket_changes
                triage PRODUCER publish triage.ticket_triaged.v1
                  gateway CONSUMER process triage.ticket_triaged.v1
                    gateway CLIENT INSERT tickets
                    gateway PRODUCER push ticketChanged
    """,
    "summarizeLog": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation summarizeLog
            gateway CLIENT INSERT idempotency_keys log_entries outbox
            gateway PRODUCER push logEntryChanged
            gateway PRODUCER publish summarizer.summarize_log.v1
              summarizer CONSUMER process summarizer.summarize_log.v1
                summarizer CLIENT INSERT raw_contents
                summarizer INTERNAL engine digest
                summarizer CLIENT INSERT inbox log_entries outbox log_changes
                summarizer PRODUCER publish summarizer.log_summarized.v1
                  gateway CONSUMER process summarizer.log_summarized.v1
                    gateway CLIENT INSERT log_entries
                    gateway PRODUCER push logEntryChanged
    """,
    "generateChangelog": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation generateChangelog
            gateway CLIENT INSERT idempotency_keys changelogs outbox
            gateway PRODUCER push changelogChanged
            gateway PRODUCER publish changelog.generate_changelog.v1
              changelog CONSUMER process changelog.generate_changelog.v1
                changelog INTERNAL engine render
                changelog CLIENT INSERT inbox changelogs outbox changelog_changes
                changelog PRODUCER publish changelog.changelog_generated.v1
                  gateway CONSUMER process changelog.changelog_generated.v1
                    gateway CLIENT INSERT changelogs
                    gateway PRODUCER push changelogChanged
    """,
    "triageTicket with a model": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation triageTicket
            gateway CLIENT INSERT idempotency_keys tickets outbox
            gateway PRODUCER publish triage.triage_ticket.v1
              triage CONSUMER process triage.triage_ticket.v1
                triage CLIENT INSERT leases
                triage CLIENT SELECT inbox
                triage CLIENT SELECT ticket_terms tickets
                triage CLIENT SELECT ticket_terms tickets
                triage INTERNAL engine classify
                triage CLIENT chat scripted
                triage CLIENT INSERT inbox tickets outbox ticket_changes
                triage CLIENT INSERT llm_runs
                triage CLIENT DELETE leases
                triage PRODUCER publish triage.ticket_triaged.v1
                  gateway CONSUMER process triage.ticket_triaged.v1
                    gateway CLIENT INSERT tickets
                triage PRODUCER publish triage.llm_runs_recorded.v1
                  gateway CONSUMER process triage.llm_runs_recorded.v1
                    gateway CLIENT INSERT llm_runs
    """,
    "summarizeLog with a model": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation summarizeLog
            gateway CLIENT INSERT idempotency_keys log_entries outbox
            gateway PRODUCER publish summarizer.summarize_log.v1
              summarizer CONSUMER process summarizer.summarize_log.v1
                summarizer CLIENT INSERT leases
                summarizer CLIENT SELECT inbox
                summarizer CLIENT INSERT raw_contents
                summarizer INTERNAL engine digest
                summarizer CLIENT chat scripted
                summarizer CLIENT INSERT inbox log_entries outbox log_changes
                summarizer CLIENT INSERT llm_runs
                summarizer CLIENT DELETE leases
                summarizer PRODUCER publish summarizer.log_summarized.v1
                  gateway CONSUMER process summarizer.log_summarized.v1
                    gateway CLIENT INSERT log_entries
                summarizer PRODUCER publish summarizer.llm_runs_recorded.v1
                  gateway CONSUMER process summarizer.llm_runs_recorded.v1
                    gateway CLIENT INSERT llm_runs
    """,
    "generateChangelog with a model": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation generateChangelog
            gateway CLIENT INSERT idempotency_keys changelogs outbox
            gateway PRODUCER publish changelog.generate_changelog.v1
              changelog CONSUMER process changelog.generate_changelog.v1
                changelog CLIENT INSERT leases
                changelog CLIENT SELECT inbox
                changelog INTERNAL engine render
                changelog CLIENT chat scripted
                changelog CLIENT chat scripted
                changelog CLIENT INSERT inbox changelogs outbox changelog_changes
                changelog CLIENT INSERT llm_runs
                changelog CLIENT DELETE leases
                changelog PRODUCER publish changelog.changelog_generated.v1
                  gateway CONSUMER process changelog.changelog_generated.v1
                    gateway CLIENT INSERT changelogs
                changelog PRODUCER publish changelog.llm_runs_recorded.v1
                  gateway CONSUMER process changelog.llm_runs_recorded.v1
                    gateway CLIENT INSERT llm_runs
    """,
    "a retry": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation triageTicket
            gateway CLIENT INSERT idempotency_keys tickets outbox
            gateway PRODUCER publish triage.triage_ticket.v1
              triage CONSUMER process triage.triage_ticket.v1
                triage CLIENT SELECT ticket_terms tickets
                triage CLIENT SELECT ticket_terms tickets
                triage INTERNAL engine classify
                triage CLIENT INSERT inbox tickets outbox ticket_changes
                triage PRODUCER retry triage.triage_ticket.v1
                  triage CONSUMER process triage.triage_ticket.v1, attempt 2
                    triage CLIENT SELECT ticket_terms tickets
                    triage CLIENT SELECT ticket_terms tickets
                    triage INTERNAL engine classify
                    triage CLIENT INSERT inbox tickets outbox ticket_changes
                    triage PRODUCER publish triage.ticket_triaged.v1
                      gateway CONSUMER process triage.ticket_triaged.v1
                        gateway CLIENT INSERT tickets
    """,
    "a dead letter": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation triageTicket
            gateway CLIENT INSERT idempotency_keys tickets outbox
            gateway PRODUCER publish triage.triage_ticket.v1
              triage CONSUMER process triage.triage_ticket.v1
                triage CLIENT INSERT leases
                triage CLIENT SELECT inbox
                triage CLIENT SELECT ticket_terms tickets
                triage CLIENT SELECT ticket_terms tickets
                triage INTERNAL engine classify
                triage CLIENT chat scripted
                triage CLIENT INSERT inbox tickets outbox ticket_changes
                triage CLIENT DELETE leases
                triage CLIENT INSERT tickets
                triage CLIENT INSERT ticket_changes
                triage CLIENT INSERT given_up
                triage CLIENT INSERT outbox
                triage CLIENT COMMIT
                triage PRODUCER dead_letter triage.triage_ticket.v1
                triage PRODUCER publish triage.ticket_triage_failed.v1
                  gateway CONSUMER process triage.ticket_triage_failed.v1
                    gateway CLIENT INSERT tickets
    """,
    "its replay": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL mutation replayDeadLetters
              gateway CLIENT INSERT audit_log
              gateway PRODUCER replay triage.triage_ticket.v1
                triage CONSUMER process triage.triage_ticket.v1
                  triage CLIENT INSERT leases
                  triage CLIENT SELECT inbox
                  triage CLIENT SELECT ticket_terms tickets
                  triage CLIENT SELECT ticket_terms tickets
                  triage INTERNAL engine classify
                  triage CLIENT chat scripted
                  triage CLIENT INSERT inbox tickets outbox ticket_changes
                  triage CLIENT COMMIT
                  triage CLIENT INSERT inbox
                  triage CLIENT SELECT tickets
                  triage CLIENT DELETE given_up
                  triage CLIENT INSERT tickets
                  triage CLIENT INSERT ticket_changes
                  triage CLIENT INSERT llm_runs
                  triage CLIENT INSERT outbox
                  triage CLIENT COMMIT
                  triage CLIENT DELETE leases
                  triage PRODUCER publish triage.ticket_triaged.v1
                    gateway CONSUMER process triage.ticket_triaged.v1
                      gateway CLIENT INSERT tickets
                  triage PRODUCER publish triage.llm_runs_recorded.v1
                    gateway CONSUMER process triage.llm_runs_recorded.v1
                      gateway CLIENT INSERT llm_runs
              gateway CLIENT UPDATE audit_log
    """,
    "a deferred message": """
        gateway SERVER POST /graphql
          gateway INTERNAL mutation triageTicket
            gateway CLIENT INSERT idempotency_keys tickets outbox
            gateway PRODUCER publish triage.triage_ticket.v1
              triage CONSUMER process triage.triage_ticket.v1
                triage CLIENT INSERT leases
                triage CLIENT SELECT inbox
                triage CLIENT SELECT ticket_terms tickets
                triage CLIENT SELECT ticket_terms tickets
                triage INTERNAL engine classify
                triage CLIENT chat scripted
                triage CLIENT DELETE leases
                triage PRODUCER defer triage.triage_ticket.v1
                  triage CONSUMER process triage.triage_ticket.v1
                    triage CLIENT INSERT leases
                    triage CLIENT SELECT inbox
                    triage CLIENT SELECT ticket_terms tickets
                    triage CLIENT SELECT ticket_terms tickets
                    triage INTERNAL engine classify
                    triage CLIENT chat scripted
                    triage CLIENT INSERT inbox tickets outbox ticket_changes
                    triage CLIENT INSERT llm_runs
                    triage CLIENT DELETE leases
                    triage PRODUCER publish triage.ticket_triaged.v1
                      gateway CONSUMER process triage.ticket_triaged.v1
                        gateway CLIENT INSERT tickets
                    triage PRODUCER publish triage.llm_runs_recorded.v1
                      gateway CONSUMER process triage.llm_runs_recorded.v1
                        gateway CLIENT INSERT llm_runs
    """,
    "a partner's publish": """
        acme PRODUCER send
          triage CONSUMER process triage.triage_ticket.v1
            triage CLIENT SELECT ticket_terms tickets
            triage CLIENT SELECT ticket_terms tickets
            triage INTERNAL engine classify
            triage CLIENT INSERT inbox tickets outbox ticket_changes
            triage PRODUCER publish triage.ticket_triaged.v1
              gateway CONSUMER process triage.ticket_triaged.v1
                gateway CLIENT INSERT tickets
    """,
    "login": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL mutation login
              gateway CLIENT request auth.log_in.v2
                auth SERVER answer auth.log_in.v2
                  auth CLIENT SELECT credential_keys
                  auth CLIENT COMMIT
                  auth CLIENT SELECT login_failures
                  auth CLIENT SELECT login_failures
                  auth CLIENT SELECT accounts
                  auth CLIENT COMMIT
                  auth INTERNAL hash password
                  auth CLIENT DELETE login_failures
                  auth CLIENT DELETE login_failures
                  auth CLIENT COMMIT
                  auth CLIENT SELECT accounts
                  auth CLIENT DELETE refresh_families
                  auth CLIENT DELETE refresh_tokens
                  auth CLIENT INSERT refresh_families
                  auth CLIENT SELECT signing_keys
                  auth CLIENT INSERT refresh_tokens
                  auth CLIENT UPDATE refresh_families
                  auth CLIENT INSERT security_events
                  auth CLIENT INSERT outbox
                  auth CLIENT SELECT pg_notify
                  auth CLIENT COMMIT
                  auth PRODUCER publish auth.security_event_recorded.v1
                    gateway CONSUMER process auth.security_event_recorded.v1
                      gateway CLIENT INSERT audit_log
              gateway CLIENT INSERT users
    """,
    "updateTicketStatus": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL mutation updateTicketStatus
              gateway CLIENT request triage.update_ticket_status.v1
                triage SERVER answer triage.update_ticket_status.v1
                  triage CLIENT SELECT tickets
                  triage CLIENT SELECT inbox
                  triage CLIENT INSERT inbox
                  triage CLIENT INSERT tickets
                  triage CLIENT INSERT ticket_changes
                  triage CLIENT INSERT outbox
                  triage CLIENT SELECT pg_notify
                  triage CLIENT COMMIT
                  triage PRODUCER publish triage.ticket_status_changed.v1
                    gateway CONSUMER process triage.ticket_status_changed.v1
                      gateway CLIENT INSERT tickets
              gateway CLIENT INSERT tickets
              gateway CLIENT COMMIT
              gateway CLIENT SELECT tickets
    """,
    "correctTriage": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL mutation correctTriage
              gateway CLIENT INSERT audit_log
              gateway CLIENT request triage.correct_triage.v1
                triage SERVER answer triage.correct_triage.v1
                  triage CLIENT SELECT tickets
                  triage CLIENT SELECT inbox
                  triage CLIENT INSERT inbox
                  triage CLIENT INSERT tickets
                  triage CLIENT INSERT ticket_changes
                  triage CLIENT INSERT triage_corrections
                  triage CLIENT INSERT outbox
                  triage CLIENT SELECT pg_notify
                  triage CLIENT COMMIT
                  triage PRODUCER publish triage.ticket_triage_corrected.v1
                    gateway CONSUMER process triage.ticket_triage_corrected.v1
                      gateway CLIENT INSERT tickets
              gateway CLIENT INSERT tickets
              gateway CLIENT COMMIT
              gateway CLIENT UPDATE audit_log
              gateway CLIENT SELECT tickets
    """,
    "editChangelog": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL mutation editChangelog
              gateway CLIENT INSERT audit_log
              gateway CLIENT request changelog.edit_changelog.v1
                changelog SERVER answer changelog.edit_changelog.v1
                  changelog CLIENT SELECT changelogs
                  changelog CLIENT SELECT inbox
                  changelog CLIENT COMMIT
                  changelog CLIENT SELECT changelogs
                  changelog CLIENT SELECT inbox
                  changelog CLIENT INSERT inbox
                  changelog CLIENT INSERT changelogs
                  changelog CLIENT INSERT changelog_changes
                  changelog CLIENT INSERT outbox
                  changelog CLIENT SELECT pg_notify
                  changelog CLIENT COMMIT
                  changelog PRODUCER publish changelog.changelog_edited.v1
                    gateway CONSUMER process changelog.changelog_edited.v1
                      gateway CLIENT INSERT changelogs
              gateway CLIENT INSERT changelogs
              gateway CLIENT COMMIT
              gateway CLIENT UPDATE audit_log
    """,
    "approveChangelog": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL mutation approveChangelog
              gateway CLIENT INSERT audit_log
              gateway CLIENT request changelog.update_changelog_status.v1
                changelog SERVER answer changelog.update_changelog_status.v1
                  changelog CLIENT SELECT changelogs
                  changelog CLIENT SELECT inbox
                  changelog CLIENT INSERT inbox
                  changelog CLIENT INSERT changelogs
                  changelog CLIENT INSERT changelog_changes
                  changelog CLIENT INSERT outbox
                  changelog CLIENT SELECT pg_notify
                  changelog CLIENT COMMIT
                  changelog PRODUCER publish changelog.changelog_status_changed.v1
                    gateway CONSUMER process changelog.changelog_status_changed.v1
                      gateway CLIENT INSERT changelogs
              gateway CLIENT INSERT changelogs
              gateway CLIENT COMMIT
              gateway CLIENT UPDATE audit_log
    """,
    "setFeatureFlag": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL mutation setFeatureFlag
              gateway CLIENT INSERT audit_log
              gateway CLIENT SELECT feature_flags
              gateway CLIENT INSERT feature_flags
              gateway CLIENT INSERT outbox
              gateway CLIENT COMMIT
              gateway PRODUCER publish gateway.feature_flag_changed.v1
                summarizer CONSUMER process gateway.feature_flag_changed.v1
                  summarizer CLIENT INSERT feature_flags
                triage CONSUMER process gateway.feature_flag_changed.v1
                  triage CLIENT INSERT feature_flags
                changelog CONSUMER process gateway.feature_flag_changed.v1
                  changelog CLIENT INSERT feature_flags
                auth CONSUMER process gateway.feature_flag_changed.v1
                  auth CLIENT INSERT feature_flags
              gateway CLIENT UPDATE audit_log
    """,
    "a query": """
        client CLIENT POST
          gateway SERVER POST /graphql
            gateway INTERNAL query ticket
              gateway CLIENT SELECT tickets
    """,
    "a query over WebSocket": """
        gateway INTERNAL query changelogs
          gateway CLIENT SELECT changelogs
          gateway CLIENT SELECT changelogs
    """,
}
