# SPDX-License-Identifier: Apache-2.0
#
# Seine on a Windows node, for PowerShell: seine-agent.exe does all the work and tells it as JSON, this module turns that
# into objects and puts it into PowerShell's manners (-WhatIf, errors, help).

Set-StrictMode -Version 3.0

# Where seine-agent.exe is: as given, beside this module, two folders above it (installed by the MSI), installed.
function Find-SeineAgent {
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [string] $Given
    )
    if ($Given) {
        return $Given
    }
    $above = Split-Path -Parent -Path (Split-Path -Parent -Path $PSScriptRoot)
    $installed = Join-Path -Path $env:ProgramFiles -ChildPath 'Seine'
    foreach ($folder in @($PSScriptRoot, $above, $installed)) {
        $candidate = Join-Path -Path $folder -ChildPath 'seine-agent.exe'
        if (Test-Path -LiteralPath $candidate -PathType 'Leaf') {
            return $candidate
        }
    }
    throw 'seine-agent.exe was not found: give its path with -AgentPath.'
}

# Runs one verb; the steps as objects.
function Invoke-SeineAgent {
    [CmdletBinding()]
    [OutputType('Seine.Step')]
    param(
        [Parameter(Mandatory = $true)]
        [string] $Verb,

        [string] $AgentPath,

        # Flags of seine-agent.exe and their values; those without a value are left out.
        [System.Collections.IDictionary] $Flag = @{},

        # Flags without a value.
        [string[]] $Word = @()
    )
    $program = Find-SeineAgent -Given $AgentPath
    $arguments = @($Verb, '-o', 'json') + $Word
    foreach ($name in $Flag.Keys) {
        if ($Flag[$name]) {
            $arguments += @($name, $Flag[$name])
        }
    }
    # What it prints is UTF-8, whatever the console's own encoding.
    $encoding = [Console]::OutputEncoding
    try {
        [Console]::OutputEncoding = [System.Text.Encoding]::UTF8
    }
    catch {
        Write-Verbose -Message 'There is no console: names that are not ASCII may look wrong.'
    }
    try {
        $text = (& $program @arguments) -join "`n"
    }
    finally {
        try {
            [Console]::OutputEncoding = $encoding
        }
        catch {
            Write-Verbose -Message 'There is no console.'
        }
    }
    if ($LASTEXITCODE -gt 1 -or -not $text) {
        throw "seine-agent.exe $Verb ended with code $LASTEXITCODE."
    }
    foreach ($step in (ConvertFrom-Json -InputObject $text).items) {
        [PSCustomObject]@{
            PSTypeName = 'Seine.Step'
            Name       = $step.name
            Result     = $step.result
            Detail     = $step.detail
        }
    }
}

# Passes steps on, then an error for each that failed: a script with ErrorActionPreference 'Stop' stops there.
function Write-SeineStep {
    [CmdletBinding()]
    [OutputType('Seine.Step')]
    param(
        [Parameter(ValueFromPipeline = $true)]
        [PSCustomObject] $Step
    )
    begin {
        $failed = @()
    }
    process {
        if ($Step.Result -eq 'fail') {
            $failed += $Step
        }
        $Step
    }
    end {
        foreach ($one in $failed) {
            Write-Error -Message "$($one.Name): $($one.Detail)" -ErrorId "Seine.$($one.Name)"
        }
    }
}

function Install-SeineAgent {
    <#
    .SYNOPSIS
    Installs Seine on this Windows node, or upgrades it.

    .DESCRIPTION
    Copies the programs to Program Files, makes and starts the service seine-agent, puts the CNI plugin and, last of all,
    the network configuration where the container runtime looks. What holds already is left as it is, so running it twice
    is the same as running it once. If a step fails, everything that had been done is put back.

    Needs Administrator, Windows Server 2019 or newer, the Containers feature, and Open vSwitch 3.0 to 3.7.
    With -WhatIf it says step by step what it would do, and changes nothing.

    .PARAMETER ConfigPath
    The agent's configuration file. Left out: the one that an installed service has, else
    %ProgramData%\seine\config.yaml, which is written if it is not there.

    .PARAMETER ContainerdConfigPath
    containerd's configuration file, which says where CNI plugins and network configurations lie. Left out:
    %ProgramFiles%\containerd\config.toml.

    .PARAMETER CniBinPath
    The folder of CNI plugins, whatever containerd's configuration says.

    .PARAMETER CniConfPath
    The folder of network configurations, whatever containerd's configuration says.

    .PARAMETER Upgrade
    Only replaces an installed Seine: fails where there is none.

    .PARAMETER AgentPath
    The seine-agent.exe to install from; seine-cni.exe and seinectl.exe lie beside it. Left out: it is looked for beside
    this module, two folders above it, and in Program Files.

    .EXAMPLE
    Install-SeineAgent -ConfigPath 'C:\k\seine.yaml'

    Installs with this configuration; each step comes as an object with Name, Result and Detail.

    .EXAMPLE
    Install-SeineAgent -AgentPath 'D:\seine\seine-agent.exe' -Upgrade -WhatIf

    Says what an upgrade to the programs in D:\seine would change.

    .OUTPUTS
    Seine.Step: Name, Result (ok, fail, skip, would) and Detail of each requirement and step.
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium')]
    [OutputType('Seine.Step')]
    param(
        [string] $ConfigPath,

        [string] $ContainerdConfigPath,

        [string] $CniBinPath,

        [string] $CniConfPath,

        [switch] $Upgrade,

        [string] $AgentPath
    )
    $verb = if ($Upgrade) { 'upgrade' } else { 'install' }
    $flags = @{
        '--config'            = $ConfigPath
        '--containerd-config' = $ContainerdConfigPath
        '--cni-bin-dir'       = $CniBinPath
        '--cni-conf-dir'      = $CniConfPath
    }
    if ($PSCmdlet.ShouldProcess('this node', "$verb Seine")) {
        Invoke-SeineAgent -Verb $verb -AgentPath $AgentPath -Flag $flags | Write-SeineStep
    }
    elseif ($WhatIfPreference) {
        Invoke-SeineAgent -Verb $verb -AgentPath $AgentPath -Flag $flags -Word @('--dry-run') | Write-SeineStep
    }
}

function Uninstall-SeineAgent {
    <#
    .SYNOPSIS
    Takes Seine away from this Windows node.

    .DESCRIPTION
    Removes the network configuration first, so that no new Pod is given to Seine, then stops the service and removes it,
    the CNI plugin and the programs. %ProgramData%\seine stays unless -Purge is given. What Seine made in Open vSwitch
    stays too: "seine-agent.exe cleanup", run before this, takes it away. If a step fails, everything is put back.

    With -WhatIf it says step by step what it would do, and changes nothing.

    .PARAMETER Purge
    Removes %ProgramData%\seine as well: configuration, journals, logs.

    .PARAMETER ContainerdConfigPath
    containerd's configuration file, as it was given when installing.

    .PARAMETER CniBinPath
    The folder of CNI plugins, as it was given when installing.

    .PARAMETER CniConfPath
    The folder of network configurations, as it was given when installing.

    .PARAMETER AgentPath
    The seine-agent.exe to run. Left out: it is looked for beside this module, two folders above it, and in Program Files.

    .EXAMPLE
    Uninstall-SeineAgent -WhatIf

    Says what would be removed.

    .EXAMPLE
    Uninstall-SeineAgent -Purge -Confirm:$false

    Removes everything without asking.

    .OUTPUTS
    Seine.Step: Name, Result (ok, fail, skip, would) and Detail of each step.
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High')]
    [OutputType('Seine.Step')]
    param(
        [switch] $Purge,

        [string] $ContainerdConfigPath,

        [string] $CniBinPath,

        [string] $CniConfPath,

        [string] $AgentPath
    )
    $flags = @{
        '--containerd-config' = $ContainerdConfigPath
        '--cni-bin-dir'       = $CniBinPath
        '--cni-conf-dir'      = $CniConfPath
    }
    $words = @()
    if ($Purge) {
        $words += '--purge'
    }
    if ($PSCmdlet.ShouldProcess('this node', 'uninstall Seine')) {
        Invoke-SeineAgent -Verb 'uninstall' -AgentPath $AgentPath -Flag $flags -Word $words | Write-SeineStep
    }
    elseif ($WhatIfPreference) {
        $words += '--dry-run'
        Invoke-SeineAgent -Verb 'uninstall' -AgentPath $AgentPath -Flag $flags -Word $words | Write-SeineStep
    }
}

function Get-SeineStatus {
    <#
    .SYNOPSIS
    Says what of Seine is installed on this node, and how it does.

    .DESCRIPTION
    One object each for the service, the programs, the CNI plugin, the network configuration, the agent's own readiness,
    and what it stands on: HNS, Open vSwitch, containerd. Changes nothing. Without Administrator some of it cannot be
    seen; that is said, and is no failure.

    .PARAMETER ConfigPath
    The agent's configuration file. Left out: the one that the service has.

    .PARAMETER ContainerdConfigPath
    containerd's configuration file. Left out: %ProgramFiles%\containerd\config.toml.

    .PARAMETER CniBinPath
    The folder of CNI plugins, whatever containerd's configuration says.

    .PARAMETER CniConfPath
    The folder of network configurations, whatever containerd's configuration says.

    .PARAMETER AgentPath
    The seine-agent.exe to run. Left out: it is looked for beside this module, two folders above it, and in Program Files.

    .EXAMPLE
    Get-SeineStatus | Where-Object -Property 'Result' -EQ -Value 'fail'

    Only what is not as it should be.

    .OUTPUTS
    Seine.Step: Name, Result (ok, fail, skip) and Detail of each part.
    #>
    [CmdletBinding()]
    [OutputType('Seine.Step')]
    param(
        [string] $ConfigPath,

        [string] $ContainerdConfigPath,

        [string] $CniBinPath,

        [string] $CniConfPath,

        [string] $AgentPath
    )
    $flags = @{
        '--config'            = $ConfigPath
        '--containerd-config' = $ContainerdConfigPath
        '--cni-bin-dir'       = $CniBinPath
        '--cni-conf-dir'      = $CniConfPath
    }
    Invoke-SeineAgent -Verb 'status' -AgentPath $AgentPath -Flag $flags
}

function Test-SeineNode {
    <#
    .SYNOPSIS
    Says whether Seine could be installed on this node.

    .DESCRIPTION
    Looks at every requirement: Administrator, the build of Windows, HNS and its version, the agent's configuration, Open
    vSwitch and its version, containerd's configuration. Changes nothing, and runs without Administrator too: what it
    could not see then has the result skip.

    .PARAMETER ConfigPath
    The agent's configuration file to check. Left out: the one that an installed service has, else the default place.

    .PARAMETER ContainerdConfigPath
    containerd's configuration file. Left out: %ProgramFiles%\containerd\config.toml.

    .PARAMETER CniBinPath
    The folder of CNI plugins, whatever containerd's configuration says.

    .PARAMETER CniConfPath
    The folder of network configurations, whatever containerd's configuration says.

    .PARAMETER Quiet
    Returns only $true or $false.

    .PARAMETER AgentPath
    The seine-agent.exe to run. Left out: it is looked for beside this module, two folders above it, and in Program Files.

    .EXAMPLE
    Test-SeineNode | Format-Table -Property 'Result', 'Name', 'Detail'

    All requirements as a table.

    .EXAMPLE
    if (-not (Test-SeineNode -Quiet)) { throw 'This node is not ready for Seine.' }

    In a script that prepares a node.

    .OUTPUTS
    Seine.Step: Name, Result (ok, fail, skip) and Detail of each requirement; with -Quiet a boolean.
    #>
    [CmdletBinding()]
    [OutputType('Seine.Step', [bool])]
    param(
        [string] $ConfigPath,

        [string] $ContainerdConfigPath,

        [string] $CniBinPath,

        [string] $CniConfPath,

        [switch] $Quiet,

        [string] $AgentPath
    )
    $flags = @{
        '--config'            = $ConfigPath
        '--containerd-config' = $ContainerdConfigPath
        '--cni-bin-dir'       = $CniBinPath
        '--cni-conf-dir'      = $CniConfPath
    }
    $steps = Invoke-SeineAgent -Verb 'check' -AgentPath $AgentPath -Flag $flags
    if ($Quiet) {
        return -not ($steps | Where-Object -Property 'Result' -EQ -Value 'fail')
    }
    $steps
}

Export-ModuleMember -Function 'Install-SeineAgent', 'Uninstall-SeineAgent', 'Get-SeineStatus', 'Test-SeineNode'
