# SPDX-License-Identifier: Apache-2.0
@{
    RootModule           = 'Seine.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = '6d1f3f0e-6b39-4c0e-9d1e-2a7a5d1f4c53'
    Author               = 'The Seine authors'
    CompanyName          = 'Seine'
    Copyright            = 'The Seine authors. Apache-2.0.'
    Description          = 'Installs, checks and removes Seine, the Kubernetes network of this Windows node.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FunctionsToExport    = @('Install-SeineAgent', 'Uninstall-SeineAgent', 'Get-SeineStatus', 'Test-SeineNode')
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    FileList             = @('Seine.psd1', 'Seine.psm1')
    PrivateData          = @{
        PSData = @{
            Tags = @('Kubernetes', 'CNI', 'NetworkPolicy', 'Windows')
        }
    }
}
