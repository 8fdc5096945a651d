#include "base/result.h"
#include "server/service/rule/templates.h"

/* Each text is canonical, so that it comes back from the server as it was taken. */
static const struct rule_template templates[] = {
    {
        .id = "media-90d",
        .name = "Media untouched for 90 days",
        .text =
            "Video, audio and camera files that nobody opened for three months. The usual first "
            "rule of a media house; pin what is being cut.",
        .where =
            "size >= 10MB and accessed older than 90d and ext in (mov, mxf, mp4, m4v, avi, mkv, "
            "braw, r3d, ari, dpx, exr, wav, aif, aiff)",
        .action = "tier",
        .cron = "0 20 * * 1-5",
        .limit_error_percent = 10,
    },
    {
        .id = "projects-1y",
        .name = "Projects closed for a year",
        .text =
            "Everything in folders of projects that were neither changed nor opened for a year. "
            "Set the folder to where your projects are.",
        .where =
            "path matches \"/Projects/**\" and modified older than 1y and accessed older than 1y",
        .action = "tier",
        .cron = "0 20 * * 6",
        .limit_error_percent = 10,
    },
    {
        .id = "images-180d",
        .name = "ISO and installer images",
        .text = "Disk images, installers and virtual appliances not opened for half a year: large, "
                "seldom needed, easy to wait for.",
        .where =
            "size >= 100MB and accessed older than 180d and ext in (iso, img, dmg, ova, ovf, vhd, "
            "vhdx, msi, wim, pkg, deb, rpm)",
        .action = "tier",
        .cron = "0 22 * * 0",
        .limit_error_percent = 10,
    },
    {
        .id = "dumps-30d",
        .name = "Database dumps older than 30 days",
        .text = "Dumps and their compressed forms, a month after they were written. Those that a "
                "restore would take first stay.",
        .where =
            "size >= 10MB and modified older than 30d and (ext in (dump, dmp, bak, trn) or name "
            "matches \"*.sql.*\"i or ext = sql)",
        .action = "tier",
        .cron = "0 3 * * *",
        .limit_error_percent = 10,
    },
    {
        .id = "archives-180d",
        .name = "Archives nobody unpacked",
        .text = "ZIP, 7z, RAR and tar files not opened for half a year.",
        .where =
            "size >= 50MB and accessed older than 180d and ext in (zip, 7z, rar, tar, gz, tgz, "
            "bz2, xz, zst)",
        .action = "tier",
        .cron = "0 22 * * 6",
        .limit_error_percent = 10,
    },
    {
        .id = "large-cold",
        .name = "Large and cold, whatever it is",
        .text = "Any file of a gigabyte or more that was not opened for 60 days: few files, much "
                "space, "
                "the quickest gain.",
        .where = "size >= 1GB and accessed older than 60d",
        .action = "tier",
        .cron = "0 20 * * *",
        .limit_error_percent = 10,
    },
    {
        .id = "scans-1y",
        .name = "Scans and PDFs of past years",
        .text =
            "Documents not opened for a year. Small files: look at the plan, a stub may save less "
            "than a file here.",
        .where = "size >= 250KiB and accessed older than 1y and ext in (pdf, tif, tiff)",
        .action = "tier",
        .cron = "0 22 1 * *",
        .limit_error_percent = 10,
    },
    {
        .id = "homes-left",
        .name = "Homes that nobody uses",
        .text =
            "Files in home folders neither changed nor opened for two years, as after people left. "
            "Set the folder to where homes are.",
        .where = "path matches \"/home/**\" and modified older than 2y and accessed older than 2y",
        .action = "tier",
        .cron = "0 22 L * *",
        .limit_error_percent = 10,
    },
    {
        .id = "space-80",
        .name = "When the volume gets full",
        .text = "Runs when 80 % are used and ends below 70 %, oldest files first. Behind the other "
                "rules "
                "it keeps a volume from filling up.",
        .where = "size >= 1MB and accessed older than 14d",
        .action = "tier",
        .start_used_percent = 80,
        .stop_used_percent = 70,
        .limit_error_percent = 10,
    },
    {
        .id = "logs-60d",
        .name = "Logs older than 60 days",
        .text = "Log and trace files two months after their last line; the open ones are younger.",
        .where =
            "size >= 1MB and modified older than 60d and (ext in (log, trc, evtx, pcap) or name "
            "matches \"*.log.*\"i)",
        .action = "tier",
        .cron = "0 4 * * *",
        .limit_error_percent = 10,
    },
    {
        .id = "keep-programs",
        .name = "Programs and scripts stay",
        .text = "What is executed is never tiered. Excludes come before all other rules.",
        .where =
            "ext in (exe, dll, sys, so, sh, bat, cmd, ps1, py, jar) or attributes = executable",
        .action = "exclude",
    },
    {
        .id = "keep-active",
        .name = "The folder of active work stays",
        .text = "Nothing below it is ever tiered. Set the folder.",
        .where = "path matches \"/Active/**\"",
        .action = "exclude",
    },
};

const struct rule_template *
rule_template_list(size_t *ret_count)
{
    *ret_count = AL_LEN(templates);
    return templates;
}
